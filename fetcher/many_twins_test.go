package fetcher

import (
	"fmt"
	"os"
	"testing"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A server that gives one unique-id to all its messages, with POPSYNC_LARGE more than 16 bits count: each arrives, and the next passes fetch none again.
func TestManyTwinsArriveOnce(t *testing.T) {
	n := 2_000 // more than are compared by their headers in each pass
	if os.Getenv("POPSYNC_LARGE") != "" {
		n = 66_000
	}
	box := make([]pop3test.Message, n)
	for i := range box {
		box[i] = pop3test.Message{UID: "same", Data: fmt.Appendf(nil, "Message-ID: <%06d>\r\n\r\nx\r\n", i)}
	}
	r := newRig(t, box...)
	if rep := r.ok(); rep.New != n {
		t.Fatalf("%+v", rep)
	}
	r.server.Deliver("u", message("same", "one more"))
	for i := range 2 {
		if rep := r.ok(); rep.New != desk.Count(i == 0) || rep.Kept != n+1 {
			t.Errorf("pass %d: %+v", i, rep)
		}
	}
	r.holds("mail", n+1)
}
