package fetcher

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A server that closes after so many messages in a session is asked again, in the same pass, and nobody is charged.
func TestSessionsLimitedByServer(t *testing.T) {
	box := mailbox(25)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	retrs := map[*pop3test.Session]int{}
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" {
				if retrs[s]++; retrs[s] > 10 {
					return &pop3test.Reply{Raw: []byte("-ERR enough\r\n"), Close: true}
				}
			}
			return nil
		}
	})
	rep := r.run()
	r.wantMail(box...)
	if rep.New != 25 {
		t.Errorf("%+v", rep)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 0 || len(r.server.Messages("u")) != 0 {
		t.Errorf("%+v", rep)
	}
}

// A server that lets a session end early and then nobody in any more is asked once more, not over and over, and the pass
// tells that mail was left.
func TestServerClosesForGood(t *testing.T) {
	box := mailbox(25)
	r := newRig(t, box...)
	retrs := 0
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" {
				retrs++
			}
			if retrs > 10 {
				return &pop3test.Reply{Close: true}
			}
			return nil
		}
	})
	if rep := r.run(); rep.New != 10 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%d delivered, %+v", rep.New, rep.Verdict)
	}
	if n := r.server.Stats().Sessions; n != 2 {
		t.Errorf("%d connections", n)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 15 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// A server that closes a session after each message: when that is more sessions than a pass may have, it tells so.
func TestSessionsAtMost(t *testing.T) {
	box := mailbox(9)
	r := newRig(t, box...)
	r.opt.Sessions = 4
	retrs := map[*pop3test.Session]int{}
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "RETR" {
				if retrs[s]++; retrs[s] > 1 {
					return &pop3test.Reply{Close: true}
				}
			}
			return nil
		}
	})
	if rep := r.run(); rep.New != 4 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%d delivered, %+v", rep.New, rep.Verdict)
	}
}

// A server that closes whenever it is asked for one message: the others are delivered in the first pass, the message is
// charged once a pass, and parked.
func TestServerClosesAtOneMessage(t *testing.T) {
	box := mailbox(9)
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			n := 0
			for _, c := range arg {
				n = n*10 + int(c-'0')
			}
			if verb == "RETR" && s.UID(n) == box[4].UID {
				return &pop3test.Reply{Close: true}
			}
			return nil
		}
	})
	for i := range 3 {
		rep := r.run()
		if rep.Failed != 1 || rep.Verdict.Class != verdict.Temporary {
			t.Errorf("pass %d: %+v", i, rep)
		}
	}
	if rep := r.ok(); rep.Parked != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(append(slices.Clone(box[:4]), box[5:]...)...)
}

// slow takes its time to make a batch durable.
type slow struct {
	deliver.Target
	wait time.Duration
}

func (s slow) Prepare(ctx context.Context, tickets []deliver.Ticket) error {
	time.Sleep(s.wait)
	return s.Target.Prepare(ctx, tickets)
}

// While we deliver slowly the session is kept alive: otherwise the deletions at its end would be lost.
func TestSlowDelivery(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	synctest.Test(t, func(t *testing.T) {
		r.ledger.Close()
		r.server.Close()
		r.server = pop3test.NewServer(pop3test.Options{})
		defer r.server.Close()
		r.server.AddUser("u", "p", box...)
		r.open()
		defer r.ledger.Close()
		r.acc.Server.Dial = r.server.Dial
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		if rep := r.run(settle.Destination{Name: "maildir", Target: slow{r.maildir(), 15 * time.Minute}}); rep.Deleted != 5 {
			t.Errorf("%+v", rep)
		}
		if n := r.server.Stats().Commands["NOOP"]; n != 3 {
			t.Errorf("%d NOOPs in 15 minutes", n)
		}
	})
	r.wantMail(box...)
}
