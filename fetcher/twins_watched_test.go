package fetcher

import (
	"fmt"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Messages that share a unique-id come longer than they are listed, so they are looked at on another day. The first leaves
// before: the other moves up to its place, and comes no second time. It is deleted once it was looked at as itself.
func TestTwinsMoveWhileWatched(t *testing.T) {
	twin := func(id string, size int) pop3test.Message {
		m := pop3test.Message{UID: "same", Data: fmt.Appendf(nil, "Message-ID: <%s>\r\n\r\n%0*d\r\n", id, size, 0)}
		m.ListSize = int64(len(m.Data) - 7 - size/3)
		return m
	}
	a, b, c, d := twin("a", 100), twin("b", 200), twin("c", 300), twin("d", 400)
	for name, then := range map[string][]pop3test.Message{
		"the first leaves":              {b},
		"the first of three leaves":     {b, c},
		"the first leaves, one comes":   {b, d},
		"one comes first":               {d, a, b},
		"the first is another":          {d, b},
		"the last leaves, one is first": {d, a},
		"turned round":                  {b, a},
	} {
		t.Run(name, func(t *testing.T) {
			first := []pop3test.Message{a, b}
			if name == "the first of three leaves" {
				first = append(first, c)
			}
			r := newRig(t, first...)
			r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
			if rep := r.ok(); rep.New != len(first) || rep.Deleted != 0 {
				t.Fatalf("%+v", rep)
			}
			r.server.AddUser("u", "p", then...)
			came := map[string]pop3test.Message{}
			for _, m := range append(first, then...) {
				came[string(m.Data)] = m
			}
			var want []pop3test.Message
			for _, m := range came {
				want = append(want, m)
			}
			for range 8 {
				r.ok()
				r.clock = r.clock.Add(13 * time.Hour)
			}
			r.wantMail(want...)
			if left := r.server.Messages("u"); len(left) > 0 {
				t.Errorf("%d messages are left on the server", len(left))
			}
		})
	}
}
