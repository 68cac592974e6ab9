package settle

import (
	"errors"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/verdict"
)

// Of a mailbox that is full it is said that a person has to make room; of what refuses for other reasons, that it takes nothing for now.
func TestWhyItRests(t *testing.T) {
	for full, want := range map[bool][2]string{
		true:  {"send to box: it is full: ", "make room there"},
		false: {"send to box: it takes nothing for now: ", "when it takes mail again"},
	} {
		o := &outbox{place: &Place{Destination: Destination{Name: "box"}}}
		o.lastRefusal = &unjudgedError{&deliver.Error{Op: "send", Place: "imap.example:993", Full: full, Err: errors.New("server said NO")}}
		v := verdict.Of(o.rests())
		if v.Class != verdict.Temporary || !strings.HasPrefix(v.Message, want[0]) || !strings.Contains(v.Message, "server said NO") || !strings.Contains(v.Hint, want[1]) {
			t.Errorf("full: %v: %+v", full, v)
		}
	}
}
