package fetcher

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Several messages share a unique-id, of whatever sizes; one leaves and another comes. Each arrives, and none twice, also
// where the server has no TOP and content has to tell.
func TestTwinsOfAnySize(t *testing.T) {
	twin := func(id string, size int) pop3test.Message {
		return pop3test.Message{UID: "same", Data: []byte("Message-ID: <" + id + ">\r\n\r\n" + strings.Repeat("x", size) + "\r\n")}
	}
	all := [][4]int{{10, 20, 30, 40}, {10, 20, 20, 10}, {10, 20, 10, 20}, {40, 30, 20, 10}, {10, 10, 20, 20}}
	if raceDetector {
		all = all[:2]
	}
	for _, sizes := range all {
		a, b, c, d := twin("a", sizes[0]), twin("b", sizes[1]), twin("c", sizes[2]), twin("d", sizes[3])
		for name, then := range map[string][]pop3test.Message{
			"the first leaves":              {b},
			"the last leaves":               {a},
			"one comes":                     {a, b, c},
			"one comes first":               {c, a, b},
			"the first is another":          {c, b},
			"the last is another":           {a, c},
			"the first leaves, one comes":   {b, c},
			"the last leaves, one is first": {c, a},
			"other order":                   {b, a},
			"both are others":               {c, d},
		} {
			for _, top := range []bool{true, false} {
				if !top && sizesOf(then) == sizesOf([]pop3test.Message{a, b}) {
					continue // nothing tells
				}
				t.Run(fmt.Sprint(sizes, name, " TOP=", top), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, a, b)
					r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
					r.ok()
					r.server.AddUser("u", "p", then...)
					r.ok()
					r.ok()
					if rep := r.ok(); rep.New != 0 || rep.Questioned != 0 || rep.Kept != len(then) {
						t.Errorf("settled for good: %+v", rep)
					}
					want := map[string]pop3test.Message{}
					for _, m := range append([]pop3test.Message{a, b}, then...) {
						want[string(m.Data)] = m
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

// Killed at any commit of a pass that compares them, or with it cut short, the messages are known all the same.
func TestTwinsKilled(t *testing.T) {
	twin := func(id string, size int) pop3test.Message {
		return pop3test.Message{UID: "same", Data: []byte("Message-ID: <" + id + ">\r\n\r\n" + strings.Repeat("x", size) + "\r\n")}
	}
	a, b, c, d := twin("a", 10), twin("b", 20), twin("c", 30), twin("d", 40)
	for name, then := range map[string][]pop3test.Message{
		"ahead": {d, c, a, b}, "in between": {a, c, d, b}, "turned round": {b, a}, "turned round, and two more": {c, b, d, a},
	} {
		for _, top := range []bool{true, false} {
			for at := 0; ; at++ {
				r := newRig(t, a, b)
				r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
				r.ok()
				r.opt.BatchMessages = 1
				r.server.AddUser("u", "p", then...)
				left, whole := at, r.ledger
				r.ledger = killed{whole, &left}
				first := r.run()
				r.ledger = whole
				for range 3 {
					r.ok()
				}
				want := map[[32]byte]int{}
				for _, m := range append([]pop3test.Message{a, b}, then...) {
					want[sha256.Sum256(stored8(m.Data))] = 1
				}
				if got := mailIn(t, r.dir); !maps.Equal(got, want) { // tmp may hold what the kill left
					t.Fatalf("%s, TOP=%v, killed at commit %d: %d messages, want %d", name, top, at, count(got), len(want))
				}
				if first.Verdict.Class == verdict.OK {
					break
				}
			}
		}
	}
}

// One more that is equal to a message which was met at another place is a message of its own.
func TestTwinsAndACopy(t *testing.T) {
	twin := func(id string, size int) pop3test.Message {
		return pop3test.Message{UID: "same", Data: []byte("Message-ID: <" + id + ">\r\n\r\n" + strings.Repeat("x", size) + "\r\n")}
	}
	a, b, c := twin("a", 10), twin("b", 20), twin("c", 30)
	for _, top := range []bool{true, false} {
		r := newRig(t, a, b)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.ok()
		r.server.AddUser("u", "p", b, a)
		r.ok()
		r.wantMail(a, b)
		if rows := strings.Count(r.stored(), ","); rows != 1 {
			t.Errorf("TOP=%v: %s", top, r.stored())
		}
		r.server.AddUser("u", "p", b, c, a, a)
		for range 2 {
			r.ok()
		}
		r.wantMail(a, a, b, c)
	}
}

func sizesOf(box []pop3test.Message) string {
	var all []int
	for _, m := range box {
		all = append(all, len(m.Data))
	}
	return fmt.Sprint(all)
}
