package fetcher

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// More of what random histories found: limits, halts and several lanes.

// A message without a unique-id that is larger than LIST says is read in vain in every pass, since nothing can be
// remembered of it. It must not use up the pass's limit, or nothing behind it ever comes.
func TestNamelessLongAndLimit(t *testing.T) {
	long := message("long", strings.Repeat("a line\r\n", 400))
	long.ListSize = 100
	box := []pop3test.Message{long, message("a", "one"), message("b", "two"), message("c", "three")}
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) { o.NoUIDL, o.NoTOP, o.OnDelete = true, true, nil })
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery, MaxSize: 1500, Limit: 1}
	for range 5 {
		if rep := r.run(); rep.New > 1 {
			t.Errorf("limit 1, and %d came", rep.New)
		}
	}
	r.wantMail(box[1:]...)
	if left := r.server.Messages("u"); len(left) != 1 || left[0].UID != "long" {
		t.Errorf("%d are on the server, want the long one", len(left))
	}
}

// Messages without a unique-id that may not be deleted are read in every pass. As many as a session may retrieve must not be in
// the way of those behind them.
func TestNamelessThatStay(t *testing.T) {
	for _, pipelining := range []bool{true, false} {
		box := mailbox(3)
		r := newRig(t, box...)
		r.acc.Server.NoPipelining = !pipelining
		refuse := true
		r.server.Change(func(o *pop3test.Options) {
			o.NoUIDL, o.NoTOP, o.OnDelete = true, true, nil
			o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
				if refuse && verb == "DELE" {
					return &pop3test.Reply{Raw: []byte("-ERR not now\r\n")}
				}
				return nil
			}
		})
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		r.opt.SessionMessages = 3
		r.run(to("one", r.at("one")))
		refuse = false
		later := []pop3test.Message{message("a", "one"), message("b", "two"), message("c", "three"), message("d", "four"), message("e", "five")}
		r.server.Deliver("u", later...)
		for range 3 { // a destination that is added does not have what is old, and that stays
			r.run(to("one", r.at("one")), to("two", r.at("two")))
		}
		r.holds("one", 8)
		r.holds("two", 5)
		if left := r.server.Messages("u"); len(left) != 3 {
			t.Errorf("pipelining %v: %d are on the server, want those of before", pipelining, len(left))
		}
	}
}

// stuck is a ledger that fails the commit that moves a message to 'publishing'.
type stuck struct{ uidl.Ledger }

func (s stuck) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := s.Ledger.Acquire(ctx, name)
	return stuckAccount{a}, err
}

type stuckAccount struct{ uidl.Account }

func (a stuckAccount) Commit(ctx context.Context, c uidl.Change) error {
	for _, d := range c.Stage {
		if d.State == uidl.Publishing {
			return uidltest.ErrInjected
		}
	}
	return a.Account.Commit(ctx, c)
}

// The ledger fails under a lane of a remote destination while the reader waits for a message that it has asked for. The
// server has counted that RETR although its answer is not looked at any more, so the session must not end by QUIT: a
// server that hides what was retrieved would hide a message that nobody has.
func TestHaltedBeforeReplyAndRetrHides(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		box := mailbox(3)
		r := &rig{t: t, server: pop3test.NewServer(pop3test.Options{}), clock: time.Now(), state: filepath.Join(root, "state")}
		r.server.AddUser("u", "p", box...)
		defer r.server.Close()
		r.open()
		defer r.ledger.Close()
		r.server.Change(func(o *pop3test.Options) {
			o.HideRetr, o.NoPipelining = true, true
			o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
				if verb == "RETR" && arg == "2" {
					time.Sleep(time.Second) // all else comes to rest
				}
				return nil
			}
		})
		m := delivertest.NewMemory("remote")
		o := Options{BatchMessages: 1, FreeFloor: -1}
		a := Account{Name: "a", Server: pop3.Options{Host: "test", TLS: pop3.NoTLS, Dial: r.server.Dial}, Login: pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }}, RetrHides: true,
			Destinations: []settle.Destination{{Name: "remote", Target: m}}}
		rep := Run(t.Context(), stuck{r.ledger}, a, o)
		if rep.Verdict.Stop || rep.Verdict.Class != verdict.Temporary || !strings.Contains(rep.Verdict.Message, "in doubt") {
			t.Errorf("the ledger failed: %+v", rep.Verdict)
		}
		a.Destinations[0].Target = m.Reopen()
		Run(t.Context(), r.ledger, a, o)
		wantRemote(t, m, box...)
	})
}

// unsettled is a ledger that fails every commit of a result.
type unsettled struct{ uidl.Ledger }

func (s unsettled) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := s.Ledger.Acquire(ctx, name)
	return unsettledAccount{a}, err
}

type unsettledAccount struct{ uidl.Account }

func (a unsettledAccount) Commit(ctx context.Context, c uidl.Change) error {
	if len(c.Settle) > 0 {
		return uidltest.ErrInjected
	}
	return a.Account.Commit(ctx, c)
}

// The ledger fails under one lane while another one has a message on its way: the pass does not end before that is there
// or not. The next pass would send it, and so it would arrive twice.
func TestHaltedWhileAnotherLaneSends(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		box := mailbox(2)
		r := &rig{t: t, server: pop3test.NewServer(pop3test.Options{}), clock: time.Now(), state: filepath.Join(root, "state")}
		r.server.AddUser("u", "p", box...)
		defer r.server.Close()
		r.open()
		defer r.ledger.Close()
		m := delivertest.NewMemory("remote")
		m.Senders = 2
		var sending atomic.Int32
		m.OnPublish = func(msg deliver.Message) error {
			sending.Add(1)
			defer sending.Add(-1)
			if msg.UID == box[0].UID {
				time.Sleep(9 * time.Minute)
			}
			time.Sleep(time.Second)
			return nil
		}
		a := Account{Name: "a", Server: pop3.Options{Host: "test", TLS: pop3.NoTLS, Dial: r.server.Dial}, Login: pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }},
			Destinations: []settle.Destination{{Name: "remote", Target: m}}}
		if rep := Run(t.Context(), unsettled{r.ledger}, a, Options{FreeFloor: -1}); rep.Verdict.Stop || rep.Verdict.Class != verdict.Temporary ||
			!strings.Contains(rep.Verdict.Message, "in doubt") {
			t.Errorf("the ledger failed: %+v", rep.Verdict)
		}
		if n := sending.Load(); n != 0 {
			t.Errorf("%d messages are being sent by a pass that has ended", n)
		}
		a.Destinations[0].Target = m.Reopen()
		Run(t.Context(), r.ledger, a, Options{FreeFloor: -1})
		wantRemote(t, m, box...)
	})
}
