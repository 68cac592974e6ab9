package fetcher

import (
	"testing"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// Messages without unique-id and header that are known and stay on the server are read in every session, for nothing else
// tells which they are. That is no progress: where sessions are short, or the server closes after so many messages, a pass
// does not go on with one session after the other, a thousand of them.
func TestNamelessThatStayEndThePass(t *testing.T) {
	closing := func(after int) func(o *pop3test.Options) {
		retrs := map[*pop3test.Session]int{}
		return func(o *pop3test.Options) {
			o.OnCommand = func(s *pop3test.Session, verb, _ string) *pop3test.Reply {
				if verb != "RETR" {
					return nil
				}
				if retrs[s]++; retrs[s] > after {
					return &pop3test.Reply{Close: true}
				}
				return nil
			}
		}
	}
	for name, c := range map[string]struct {
		session  int // messages that we take in one
		closes   int // and that the server gives
		sessions int
	}{
		"one long session":    {sessions: 1},
		"short sessions":      {session: 2, sessions: 1},
		"the server closes":   {closes: 3, sessions: 1},
		"both, and it closes": {session: 2, closes: 1, sessions: 1},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(5)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.NoUIDL, o.NoTOP, o.OnDelete, o.QuitKeeps = true, true, nil, true })
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.wants("before", verdict.OK, 5, 5, 0, to("one", r.at("one")))
			// Now another destination is added, which old mail waits for.
			dests := func() []settle.Destination {
				return []settle.Destination{to("one", r.at("one")), to("two", r.at("two"))}
			}
			r.opt.SessionMessages = c.session
			if c.closes > 0 {
				r.server.Change(closing(c.closes))
			}
			for pass := range 3 {
				before := r.server.Stats().Logins
				rep := r.run(dests()...)
				if n := r.server.Stats().Logins - before; n > c.sessions || rep.New != 0 || rep.Deleted != 0 {
					t.Errorf("pass %d: %d sessions: %+v", pass, n, rep)
				}
			}
			r.holds("one", 5)
			r.holds("two", 0)

			// Once they may go, sessions follow each other until all is gone.
			r.server.Change(func(o *pop3test.Options) { o.QuitKeeps, o.OnCommand = false, nil })
			r.must(operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Without))
			if rep := r.run(dests()...); rep.Deleted != 5 || rep.New != 0 {
				t.Errorf("%+v", rep)
			}
			if left := len(r.server.Messages("u")); left != 0 {
				t.Errorf("%d left", left)
			}
		})
	}
}
