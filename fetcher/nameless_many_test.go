package fetcher

import (
	"fmt"
	"testing"

	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// More messages without a unique-id than are named at a time: each gets its own name, also where the server refuses TOP of the
// first ones of a later group.
func TestManyNameless(t *testing.T) {
	const n = headers.Chunk + 10
	box := make([]pop3test.Message, n)
	for i := range box {
		box[i] = message(fmt.Sprint("m", i), "")
	}
	r := newRig(t, box...)
	refused := map[string]bool{fmt.Sprint(headers.Chunk + 1): true, fmt.Sprint(headers.Chunk + 2): true, fmt.Sprint(headers.Chunk + 3): true}
	asked := map[string]int{}
	r.server.Change(func(o *pop3test.Options) {
		o.NoUIDL = true
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			var num string
			if fmt.Sscan(arg, &num); verb != "TOP" {
				return nil
			}
			asked[num]++
			if refused[num] {
				return &pop3test.Reply{Raw: []byte("-ERR not now\r\n")}
			}
			return nil
		}
	})
	r.acc.Policy.Limit, r.acc.Server.NoPipelining = 1, true
	rep := r.run() // the three stay where they are, which is told
	if rep.New != 1 || rep.Listed != n || rep.Reasons[plan.ReasonNoUID] != 3 || asked[fmt.Sprint(n)] != 1 {
		t.Errorf("%+v; the last header was asked for %d times", rep, asked[fmt.Sprint(n)])
	}
}
