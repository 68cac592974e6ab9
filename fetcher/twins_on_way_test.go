package fetcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Of messages that share a unique-id some are hidden while a destination is down, and then are listed before those that are on
// their way: each reaches it once.
func TestTwinsMoveWhileOnTheirWay(t *testing.T) {
	twin := func(id string, size int) pop3test.Message {
		return pop3test.Message{UID: "same", Data: fmt.Appendf(nil, "Message-ID: <%s>\r\n\r\n%0*d\r\n", id, size, 0)}
	}
	for _, sizes := range [][3]int{{100, 200, 300}, {100, 100, 200}, {100, 100, 100}} {
		a, b, c := twin("a", sizes[0]), twin("b", sizes[1]), twin("c", sizes[2])
		for name, lists := range map[string][2][]pop3test.Message{
			"one comes first":            {{b}, {a, b}},
			"two come first":             {{c}, {a, b, c}},
			"one comes in between":       {{a, c}, {a, b, c}},
			"one comes first, of three":  {{b, c}, {a, b, c}},
			"turned round, and one more": {{a, b}, {c, b, a}},
		} {
			for variant := range 4 {
				both, deletes := variant&1 > 0, variant&2 > 0
				t.Run(fmt.Sprint(sizes, name, " and a Maildir=", both, " deletes=", deletes), func(t *testing.T) {
					r := newRig(t, lists[0]...)
					if deletes {
						r.acc.Policy.Delete = plan.DeleteAfterDelivery
					}
					m := delivertest.NewMemory("remote")
					m.OnPublish = func(deliver.Message) error { return errDown }
					pass := func() report.Report {
						if both {
							return r.pair(m)
						}
						return r.run(settle.Destination{Name: "remote", Target: m.Reopen()})
					}
					pass()
					r.server.AddUser("u", "p", lists[1]...)
					for range 3 {
						pass()
						r.clock = r.clock.Add(time.Hour)
					}
					m.OnPublish = nil
					for range 5 {
						r.clock = r.clock.Add(26 * time.Hour)
						pass()
					}
					got := map[string]int{}
					for _, d := range m.Delivered() {
						got[strings.ReplaceAll(d.Body, "\r\n", "\n")]++
					}
					for _, msg := range lists[1] {
						if n := got[strings.ReplaceAll(string(msg.Data), "\r\n", "\n")]; n != 1 {
							t.Errorf("%.20q came %d times", msg.Data, n)
						}
					}
					if both {
						r.wantMail(lists[1]...)
					}
					if left := r.server.Messages("u"); deletes && len(left) > 0 {
						t.Errorf("%d messages are left on the server", len(left))
					}
				})
			}
		}
	}
}
