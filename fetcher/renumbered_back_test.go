package fetcher

import (
	"fmt"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test"
)

// The server's unique-ids change from one kind to another and, after a while in which mail came, back to the first: what came
// under the second is known as well.
func TestRenumberedAndBack(t *testing.T) {
	for _, n := range []struct{ before, between int }{{10, 5}, {100, 3}, {1, 1}, {3, 20}} {
		for _, top := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d and %d, TOP=%v", n.before, n.between, top), func(t *testing.T) {
				t.Parallel()
				all := mailbox(n.before + n.between)
				under := func(prefix string, box []pop3test.Message) (out []pop3test.Message) {
					for _, m := range box {
						m.UID = prefix + m.UID
						out = append(out, m)
					}
					return out
				}
				r := newRig(t, under("A", all[:n.before])...)
				r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
				step := func(what, prefix string, listed, fresh int) {
					t.Helper()
					r.server.AddUser("u", "p", under(prefix, all[:listed])...)
					if rep := r.ok(); rep.New != fresh || rep.Kept != listed {
						t.Errorf("%s: %+v", what, rep)
					}
				}
				step("first", "A", n.before, n.before)
				step("the second kind", "B", n.before, 0)
				step("new mail", "B", len(all), n.between)
				step("the first kind again", "A", len(all), 0)
				step("and again", "B", len(all), 0)
				r.wantMail(all...)
			})
		}
	}
}
