package fetcher

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/pop3/pop3test"
)

// accept lets what is held back through.
func (r *rig) accept(want int) {
	r.t.Helper()
	if _, held, err := operator.Accept(r.t.Context(), r.ledger, "a", r.clock); err != nil || held != want {
		r.t.Errorf("%d accepted, %v; want %d", held, err, want)
	}
}

// A unique-id was given to another message, which was delivered. An older ledger is restored that knows only the first: the
// second is held back, and once a person lets it through, what the Maildir shows of it counts, and nothing comes twice.
func TestReleasedIsShownUnderReusedUID(t *testing.T) {
	for _, top := range []bool{true, false} {
		a, b := message("x", "one"), message("x", "another, and longer")
		b.Data = bytes.Replace(b.Data, []byte("<x>"), []byte("<other>"), 1)
		r := newRig(t, a)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.run(to("one", r.at("one")), to("two", r.at("two")))
		restore := r.backup()
		r.server.AddUser("u", "p", b)
		r.run(to("one", r.at("one")), to("two", r.at("two")))
		r.holds("one", 2)
		r.holds("two", 2)
		r.empties("two")
		restore(true)
		if rep := r.run(to("one", r.at("one")), to("two", r.at("two"))); rep.Unfetched != 1 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		r.accept(1)
		for range 2 { // the other place does not show it: a person asked for it
			r.run(to("one", r.at("one")), to("two", r.at("two")))
			r.holds("one", 2)
			r.holds("two", 1)
		}
		// What came under that unique-id for good is no more looked for.
		c := message("later", "new")
		r.server.Deliver("u", c)
		if rep := r.run(to("one", r.at("one")), to("two", r.at("two"))); rep.New != 1 {
			t.Errorf("TOP %v, later: %+v", top, rep)
		}
	}
}

// What was held back was delivered after a person let it through. The ledger of before is restored: the Maildir shows it. Where
// nothing can be compared it stays held back, until it is read.
func TestHeldThenDeliveredThenRestored(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(2)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP, o.OnDelete = !top, nil })
		r.ok()
		r.server.Deliver("u", message("c", "three"))
		r.lose()
		if rep := r.run(); rep.Unfetched != 1 || rep.Rebuilt != 2 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		restore := r.backup()
		r.accept(1)
		if rep := r.ok(); rep.New != 1 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		restore(true)
		rep := r.run()
		if want := map[bool]int{true: 1}[top]; rep.Rebuilt != want || rep.Held != 1-want || rep.Unfetched != 0 {
			t.Errorf("TOP %v, restored: %+v", top, rep)
		}
		if !top {
			r.accept(1)
		}
		if rep := r.ok(); rep.New != 0 {
			t.Errorf("TOP %v, accepted: %+v", top, rep)
		}
		r.wantMail(append(box, message("c", "three"))...)
	}
}

// Of messages that share a unique-id one leaves, and then the ledger is lost: those behind it are at other places than their
// files say. Copies of equal ones count once.
func TestReleasedIsShownAtAnotherPlace(t *testing.T) {
	of := func(n int) pop3test.Message {
		return pop3test.Message{UID: "x", Data: fmt.Appendf(nil, "Message-ID: <%d>\r\n\r\nmessage %d\r\n", n, n)}
	}
	all := []pop3test.Message{of(0), of(1), of(2)}
	for _, c := range []struct {
		listed          []pop3test.Message
		held, delivered int
	}{{[]pop3test.Message{of(0), of(2)}, 1, 0}, {[]pop3test.Message{of(2), of(2)}, 2, 1}, {[]pop3test.Message{of(0), of(3)}, 1, 1}} {
		r := newRig(t, all...)
		r.ok()
		r.server.AddUser("u", "p", c.listed...)
		r.lose()
		if rep := r.run(); rep.Unfetched != c.held {
			t.Errorf("%d listed: %+v", c.held, rep)
		}
		r.accept(c.held)
		if rep := r.ok(); rep.New != c.delivered {
			t.Errorf("%+v", rep)
		}
		r.wantMail(append(all, c.listed[len(c.listed)-c.delivered:]...)...)
		if rep := r.ok(); rep.New != 0 || rep.Kept != len(c.listed) {
			t.Errorf("then: %+v", rep)
		}
	}
}

// empties removes what was delivered to a Maildir.
func (r *rig) empties(name string) {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.path(name), "new", "*"))
	r.must(err)
	for _, f := range files {
		r.must(os.Remove(f))
	}
}
