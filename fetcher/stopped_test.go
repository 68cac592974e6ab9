package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// cutOff makes a pass that is told to end once at says so, and wants it neither a success nor a failure, within three
// seconds, or twenty if the machine is busy, with the account as it was.
func (r *rig) cutOff(at <-chan struct{}, dests ...settle.Destination) report.Report {
	r.t.Helper()
	before := r.summary()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var told time.Time
	go func() {
		<-at
		told = time.Now()
		stop()
	}()
	a := r.acc
	if a.Destinations = dests; dests == nil {
		a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
	}
	rep := Run(ctx, r.ledger, a, r.opt)
	if took := time.Since(told); took > 20*time.Second {
		r.t.Errorf("it took %v to end", took)
	}
	if !rep.Stopped || rep.Verdict.Class != verdict.Temporary || rep.Verdict.Message != "stopped" || rep.Untried {
		r.t.Errorf("%+v, error %v", rep, rep.Err)
	}
	after := r.summary()
	if after.Failures != before.Failures || after.Verdict != before.Verdict || after.SucceededAt != before.SucceededAt || after.NextTry != before.NextTry {
		r.t.Errorf("status %+v, was %+v", after.Status, before.Status)
	}
	if !reflect.DeepEqual(after.Last, before.Last) {
		r.t.Errorf("a pass was written down: %+v", after.Last)
	}
	return rep
}

func (r *rig) summary() uidl.Summary {
	r.t.Helper()
	all, err := r.ledger.Summaries(context.Background())
	r.must(err)
	for _, s := range all {
		if s.Name == r.acc.Name {
			return s
		}
	}
	return uidl.Summary{}
}

// stall makes the server leave a command without an answer, and tells when it has come.
func (r *rig) stall(verb string) (came chan struct{}) {
	came = make(chan struct{})
	once := sync.OnceFunc(func() { close(came) })
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
			if v == verb {
				once()
				<-r.server.Done()
			}
			return nil
		}
	})
	return came
}

// A stop at each stage that a server sees.
func TestStoppedAtCommands(t *testing.T) {
	for _, verb := range []string{"CAPA", "USER", "PASS", "UIDL", "TOP", "RETR", "DELE", "QUIT"} {
		t.Run(verb, func(t *testing.T) {
			box := mailbox(4)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.NoAUTH = true })
			r.ok()
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			more := fresh("more", 2)
			r.server.Deliver("u", more...)
			r.cutOff(r.stall(verb))
			r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
			if rep := r.ok(); rep.Stopped {
				t.Errorf("%+v", rep)
			}
			r.wantMail(append(box, more...)...)
		})
	}
}

// What was received whole before a stop is delivered.
func TestStoppedInMailbox(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	came := make(chan struct{})
	once := sync.OnceFunc(func() { close(came) })
	r.server.Change(func(o *pop3test.Options) {
		o.NoPipelining = true
		o.OnCommand = func(_ *pop3test.Session, v, arg string) *pop3test.Reply {
			if v == "RETR" && arg == "4" {
				once()
				<-r.server.Done()
			}
			return nil
		}
	})
	if rep := r.cutOff(came); rep.New != 3 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[:3]...)
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 3 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// A stop while a name is looked up, a connection made, or a secret got.
func TestStoppedBeforeLogin(t *testing.T) {
	for name, at := range map[string]func(r *rig, came func()){
		"dial": func(r *rig, came func()) {
			r.acc.Server.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				came()
				<-ctx.Done()
				return nil, ctx.Err()
			}
		},
		"secret": func(r *rig, came func()) {
			r.acc.Login.Password = func(ctx context.Context) (string, error) {
				came()
				<-ctx.Done()
				return "", fmt.Errorf("password_command: %w", errors.New("it was killed"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailbox(1)...)
			came := make(chan struct{})
			acc := r.acc
			at(r, sync.OnceFunc(func() { close(came) }))
			r.cutOff(came)
			r.acc = acc
			r.ok()
		})
	}
}

// slowly is a remote destination that takes nothing before its time is over.
type slowly struct {
	deliver.Target
	came func()
}

func (s slowly) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	s.came()
	<-ctx.Done()
	errs := make([]error, len(tickets))
	for i := range errs {
		errs[i] = ctx.Err()
	}
	return errs
}

// A stop while only an outbox is at work cuts it off all the same: that is no success.
func TestStoppedWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := mailbox(3)
		r := newRig(t, box...)
		r.opt.Now = time.Now
		m := delivertest.NewMemory("remote")
		came := make(chan struct{})
		quits := r.server.Stats().Quits
		rep := r.cutOff(came, settle.Destination{Name: "remote", Target: slowly{m.Reopen(), sync.OnceFunc(func() {
			go func() { time.Sleep(time.Minute); close(came) }() // everything of the server is done by then
		})}})
		if rep.New != 0 || len(rep.Reasons) != 0 || r.server.Stats().Quits != quits+1 {
			t.Errorf("%+v", rep)
		}
		if rep := r.run(settle.Destination{Name: "remote", Target: m.Reopen()}); rep.Verdict.Class != verdict.OK {
			t.Errorf("%+v", rep)
		}
		wantRemote(t, m, box...)
		r.ledger.Close()
		r.server.Close()
	})
}

// struckDown is a remote destination whose program ends by a signal when the pass is told to end.
type struckDown struct {
	deliver.Target
	came func()
	stop context.Context
}

func (k struckDown) Publish(_ context.Context, tickets []deliver.Ticket) []error {
	k.came()
	<-k.stop.Done()
	errs := make([]error, len(tickets))
	for i := range errs {
		errs[i] = &deliver.Error{Op: "run", Uncertain: true, Err: errors.New("ended by signal 15")}
	}
	return errs
}

// Whoever ends popsync may end its programs with it: that fails nothing and rests nothing, but it is in doubt.
func TestStoppedWithItsPrograms(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	came := make(chan struct{})
	at := sync.OnceFunc(func() { close(came) })
	a := r.acc
	a.Destinations = []settle.Destination{{Name: "remote", Target: struckDown{m.Reopen(), at, ctx}}}
	go func() { <-came; stop() }()
	rep := Run(ctx, r.ledger, a, r.opt)
	if !rep.Stopped || rep.Failed != 0 || len(rep.Reasons) != 0 || len(r.standing().Down) != 0 {
		t.Errorf("%+v, down %+v", rep, r.standing().Down)
	}
	l, err := r.ledger.Acquire(context.Background(), "a")
	r.must(err)
	rows, err := l.Pending(context.Background())
	r.must(err)
	l.Close()
	if len(rows) != 2 || rows[0].InDoubt+rows[1].InDoubt != 1 || rows[0].Reason+rows[1].Reason != "" {
		t.Errorf("%+v", rows)
	}
	if rep := r.run(settle.Destination{Name: "remote", Target: m.Reopen()}); rep.Verdict.Class != verdict.OK || rep.New+rep.Recovered < 2 {
		t.Errorf("%+v", rep)
	}
}

// What a stop makes of errors.
func TestOrStopped(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	held, flood := &health.HeldError{Verdict: verdict.Verdict{Class: verdict.Temporary}}, &health.FloodError{}
	doubt, unknown := &settle.CommitError{Err: errors.New("disk")}, &settle.CommitError{Err: uidl.ErrDoubt}
	for name, tc := range map[string]struct {
		ctx       context.Context
		err, want error
	}{
		"done":              {ended, nil, nil},
		"goes on":           {context.Background(), io.EOF, io.EOF},
		"ended":             {ended, context.Canceled, errStopped},
		"connection":        {ended, io.EOF, errStopped},
		"secret":            {ended, &pop3.SecretError{Err: io.EOF}, errStopped}, // its program was ended
		"was decided":       {ended, held, held},
		"needs a person":    {ended, flood, flood},
		"ledger in doubt":   {ended, doubt, doubt},
		"commit in doubt":   {ended, unknown, unknown},
		"already known for": {ended, errStopped, errStopped},
	} {
		if got := newPass(Account{}, Options{}.WithDefaults()).closing.orStopped(tc.ctx, tc.err); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	p := newPass(Account{}, Options{}.WithDefaults())
	p.desk.Rec.Befell(verdict.Verdict{Class: verdict.Temporary})
	if !p.closing.isStopped(errStopped) {
		t.Error("what may pass by itself makes a stop a failure")
	}
	if p.desk.Rec.Befell(verdict.Verdict{Class: verdict.Config}); p.closing.isStopped(errStopped) {
		t.Error("what needs a person is not told because of a stop")
	}
}
