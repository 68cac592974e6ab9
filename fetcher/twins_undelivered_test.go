package fetcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
)

// The first of several messages that share a unique-id was never delivered: it is too large, or cannot be read. It leaves,
// and the others move up to its place: they come no second time, and what comes behind them comes.
func TestTwinsMoveUpToOneThatNeverCame(t *testing.T) {
	twin := func(id string, size int) pop3test.Message {
		return pop3test.Message{UID: "same", Data: []byte("Message-ID: <" + id + ">\r\n\r\n" + strings.Repeat("x", size) + "\r\n")}
	}
	const large = 900
	for kind, size := range map[string]int{"too large": large, "failed": 50, "parked": 50, "failed, of that size": 100, "parked, of that size": 100} {
		a, b, c, d := twin("a", size), twin("b", 100), twin("c", 200), twin("d", 300)
		for name, lists := range map[string][2][]pop3test.Message{
			"one moves up":              {{a, b}, {b}},
			"two move up":               {{a, b, c}, {b, c}},
			"one moves up, one leaves":  {{a, b, c}, {c}},
			"one moves up, one comes":   {{a, b}, {b, d}},
			"another takes its place":   {{a, b}, {d, b}},
			"another, and one moves up": {{a, a, b}, {d, b}},
			"it is alone":               {{a, b}, {a}},
		} {
			for _, top := range []bool{true, false} {
				t.Run(fmt.Sprint(kind, "/", name, "/TOP=", top), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, lists[0]...)
					if kind == "too large" {
						r.acc.Policy.MaxSize = large
					}
					never := map[string]bool{string(a.Data): true}
					r.server.Change(func(o *pop3test.Options) {
						o.NoTOP = !top
						o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
							var num int
							fmt.Sscan(arg, &num)
							if m, ok := s.Message(num); ok && verb == "RETR" && never[string(m.Data)] {
								return &pop3test.Reply{Raw: []byte("-ERR it cannot be read\r\n")}
							}
							return nil
						}
					})
					for range 1 + 2*strings.Count(kind, "parked") {
						r.run()
						r.clock = r.clock.Add(time.Minute)
					}
					r.server.AddUser("u", "p", lists[1]...)
					for range 4 {
						r.run()
						r.clock = r.clock.Add(25 * time.Hour)
					}
					want := map[string]pop3test.Message{}
					for _, m := range append(lists[0], lists[1]...) {
						if !never[string(m.Data)] {
							want[string(m.Data)] = m
						}
					}
					var all []pop3test.Message
					for _, m := range want {
						all = append(all, m)
					}
					r.wantMail(all...)
				})
			}
		}
	}
}
