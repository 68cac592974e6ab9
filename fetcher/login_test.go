package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// refuse makes the server answer logins, or let them in again with "".
func (r *rig) refuse(reply string) {
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if reply != "" && (verb == "PASS" || verb == "AUTH") {
				return &pop3test.Reply{Raw: []byte(reply + "\r\n")}
			}
			return nil
		}
	})
}

// announce makes the server announce a LOGIN-DELAY.
func (r *rig) announce(seconds int) {
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "CAPA" {
				return &pop3test.Reply{Raw: fmt.Appendf(nil, "+OK\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\nLOGIN-DELAY %d\r\n.\r\n", seconds)}
			}
			return nil
		}
	})
}

// connections counts how often the server was dialled from now on.
func (r *rig) connections() *int {
	n, dial := new(int), r.server.Dial
	r.acc.Server.Dial = func(ctx context.Context, network, address string) (c net.Conn, err error) {
		*n++
		return dial(ctx, network, address)
	}
	return n
}

func (r *rig) standing() health.State {
	r.t.Helper()
	all, err := r.ledger.Summaries(context.Background())
	if err != nil || len(all) != 1 {
		r.t.Fatal(err, len(all))
	}
	return health.Standing(all[0])
}

func (r *rig) passes() (n int) {
	db := r.sql()
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM pass`).Scan(&n); err != nil {
		r.t.Error(err)
	}
	return n
}

// Two refusals with [AUTH] and no third: not after a restart, not after a year, until somebody acts.
func TestLoginStops(t *testing.T) {
	for name, act := range map[string]func(*rig){
		"asked":      func(r *rig) { r.opt.Asked = true },
		"setting":    func(r *rig) { r.acc.Setting = "another" },
		"woken":      func(r *rig) { r.must(health.Wake(context.Background(), r.ledger, "a", false)) },
		"no, nobody": nil,
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(2)
			r := newRig(t, box...)
			r.acc.Setting, r.acc.LoginHint = "one", "switch it on"
			n := r.connections()
			r.refuse("-ERR [AUTH] no")
			for range 2 {
				if rep := r.run(); rep.Verdict.Class != verdict.Login || rep.Untried || !strings.Contains(rep.Verdict.Hint, "switch it on") {
					t.Errorf("%+v", rep.Verdict)
				}
			}
			passes := r.passes()
			for range 5 {
				r.ledger.Close()
				r.open()
				rep := r.run()
				if rep.Verdict.Class != verdict.Login || !rep.Untried || !rep.NextTry.IsZero() ||
					!strings.Contains(rep.Verdict.Message, "login refused 2 times") || !strings.Contains(rep.Verdict.Hint, "popsync run a") {
					t.Errorf("%+v", rep)
				}
				r.clock = r.clock.Add(60 * 24 * time.Hour)
			}
			if *n != 2 || r.passes() != passes {
				t.Fatalf("%d connections, %d passes written", *n, r.passes()-passes)
			}
			if st := r.standing(); st.Stopped.IsZero() || st.Refusal != "no" {
				t.Errorf("%+v", st)
			}
			r.refuse("")
			if act == nil {
				r.run()
				r.wantMail()
				return
			}
			act(r)
			r.ok()
			r.wantMail(box...)
			r.opt.Asked = false
			r.ok()
			if st := r.standing(); !st.Stopped.IsZero() || st.LoggedIn.IsZero() {
				t.Errorf("%+v", st)
			}
		})
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// A wrong password tried every minute for six hours: three logins, ten minutes apart, where the server gives no code.
func TestLoginRefusedPlain(t *testing.T) {
	r := newRig(t)
	n := r.connections()
	r.refuse("-ERR no such user")
	var at []time.Duration
	start := r.clock
	for range 6 * 60 {
		before := *n
		if rep := r.run(); rep.Verdict.Class != verdict.Login {
			t.Fatalf("%+v", rep.Verdict)
		}
		if *n > before {
			at = append(at, r.clock.Sub(start))
		}
		r.clock = r.clock.Add(time.Minute)
	}
	if len(at) != 3 || at[1] < health.RefusedApart || at[2]-at[1] < health.RefusedApart {
		t.Errorf("logins at %v", at)
	}
}

// A login that worked before is first believed to be throttled: class Temporary, growing waits, and only refusals that
// go on for six hours count. Then it is tried once a day, for ever. One that is let in meanwhile forgets all of them.
func TestLoginSuspected(t *testing.T) {
	for _, heals := range []bool{false, true} {
		r := newRig(t, mailbox(1)...)
		r.ok()
		r.clock = r.clock.Add(2 * time.Hour)
		n := r.connections()
		r.refuse("-ERR Logon failure: unknown user name or bad password")
		start := r.clock
		var last report.Report
		for r.clock.Sub(start) < 48*time.Hour {
			last = r.run()
			if last.Verdict.Class == verdict.Login || last.Verdict.Class == verdict.OK {
				break
			}
			if last.Verdict.Class != verdict.Temporary || !strings.Contains(last.Verdict.Message, "worked 2 h ago") && r.clock == start {
				t.Fatalf("%+v", last.Verdict)
			}
			if heals && r.clock.Sub(start) >= 3*time.Hour {
				r.refuse("")
			}
			r.clock = r.clock.Add(time.Minute)
		}
		if heals {
			if last.Verdict.Class != verdict.OK || r.clock.Sub(start) > 4*time.Hour {
				t.Errorf("after %v: %+v", r.clock.Sub(start), last.Verdict)
			}
			if f := r.remembered(); f.Refused != nil || f.Hold != nil {
				t.Errorf("%+v", f)
			}
			continue
		}
		if after := r.clock.Sub(start); last.Verdict.Class != verdict.Login || after < 6*time.Hour || after > 6*time.Hour+time.Minute || *n > 8 ||
			!strings.Contains(last.Verdict.Hint, "only once a day") || !strings.Contains(last.Verdict.Hint, "popsync run a") {
			t.Errorf("%d logins, stopped after %v: %+v", *n, after, last.Verdict)
		}
		// Once a day, whoever asks more often, over restarts too, and 77 all the time.
		logins, start := *n, r.clock
		r.clock = r.clock.Add(time.Hour)
		for r.clock.Sub(start) < 20*24*time.Hour {
			rep := r.run()
			if rep.Verdict.Class != verdict.Login || rep.Untried && rep.NextTry.IsZero() {
				t.Fatalf("%+v", rep)
			}
			r.ledger.Close()
			r.open()
			r.clock = r.clock.Add(3 * time.Hour)
		}
		if tried := *n - logins; tried < 16 || tried > 20 {
			t.Errorf("%d logins in 20 days", tried)
		}
		if st := r.standing(); !st.Stopped.IsZero() {
			t.Errorf("%+v", st)
		}
		r.refuse("")
		r.clock = r.clock.Add(24 * time.Hour)
		r.ok()
		if f := r.remembered(); f.Refused != nil || f.Hold != nil {
			t.Errorf("%+v", f)
		}
	}
}

func (r *rig) remembered() health.Facts {
	r.t.Helper()
	all, err := r.ledger.Summaries(context.Background())
	r.must(err)
	return health.Decode(all[0].Facts)
}

// What is staged for a destination goes there although the login is stopped.
func TestStoppedLoginStillDelivers(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error { return errDown }
	r.pair(m)
	r.refuse("-ERR [AUTH] no")
	r.pair(m)
	r.pair(m)
	m.OnPublish = nil
	n := r.connections()
	if rep := r.pair(m); !rep.Untried || rep.Recovered != 3 || rep.Verdict.Class != verdict.Login || *n != 0 {
		t.Errorf("%+v, %d connections", rep, *n)
	}
	wantRemote(t, m, box...)
	if st := r.standing(); len(st.Down) != 0 {
		t.Errorf("%+v", st.Down)
	}
}

// LOGIN-DELAY is kept after every login, successful or not, by whoever does not ask; and it is no failure.
func TestLoginDelay(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.announce(900)
	n := r.connections()
	rep := r.ok()
	if want := r.clock.Add(15 * time.Minute); !rep.NextTry.Equal(want) {
		t.Errorf("next %v, want %v", rep.NextTry, want)
	}
	r.clock = r.clock.Add(10 * time.Minute)
	rep = r.ok()
	if !rep.Untried || *n != 1 || len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0], "between logins") || rep.NextTry.IsZero() {
		t.Errorf("%+v, %d connections", rep, *n)
	}
	r.clock = r.clock.Add(6 * time.Minute)
	if rep := r.ok(); rep.Untried || *n != 2 {
		t.Errorf("%+v, %d connections", rep, *n)
	}
	r.opt.Asked = true
	if rep := r.ok(); rep.Untried || *n != 3 {
		t.Errorf("asked: %+v, %d connections", rep, *n)
	}
	r.opt.Asked = false
	r.clock = r.clock.Add(-48 * time.Hour) // the clock was two days ahead
	if rep := r.ok(); rep.Untried || *n != 4 {
		t.Errorf("after a clock jump: %+v, %d connections", rep, *n)
	}
}

// A pass does not connect again before the server wants it to: the rest comes with the next.
func TestLoginDelayBetweenSessions(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	r.opt.SessionMessages = 2
	r.acc.MinInterval = time.Minute
	n := r.connections()
	for i := 1; i <= 3; i++ {
		rep := r.ok()
		if rep.New != 2 || *n != i || i < 3 && len(rep.Notes) == 0 {
			t.Errorf("%+v, %d connections", rep, *n)
		}
		r.clock = r.clock.Add(2 * time.Minute)
	}
	r.wantMail(box...)
}

// Whoever comes a moment too early waits that moment: a schedule of 15 minutes and a server that wants 15 minutes fit
// together, although logging in takes time.
func TestLoginDelayAMomentEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, mailbox(1)...)
		r.opt.Now = time.Now
		r.acc.MinInterval = 15 * time.Minute
		r.ok()
		time.Sleep(15*time.Minute - 3*time.Second)
		start := time.Now()
		if rep := r.ok(); rep.Untried || time.Since(start) < 3*time.Second || time.Since(start) > 5*time.Second {
			t.Errorf("%+v after %v", rep, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		time.Sleep(15*time.Minute - 3*time.Second)
		a := r.acc
		a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
		if rep := Run(ctx, r.ledger, a, r.opt); rep.Verdict.Message != "stopped" {
			t.Errorf("cancelled while it waits: %+v", rep)
		}
		r.ledger.Close()
		r.server.Close()
	})
}

// What the server asked for outlives a pass that did not get as far as a login.
func TestLoginDelayOutlivesOutage(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	r.announce(900)
	r.ok()
	free := r.clock.Add(15 * time.Minute)
	dial := r.acc.Server.Dial
	r.acc.Server.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	r.opt.Asked = true
	r.clock = r.clock.Add(time.Minute)
	if rep := r.run(); rep.Untried || rep.NextTry.Sub(free).Abs() > time.Second {
		t.Errorf("%+v", rep)
	}
	r.acc.Server.Dial, r.opt.Asked = dial, false
	r.clock = r.clock.Add(time.Minute)
	if rep := r.run(); !rep.Untried || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	r.clock = free.Add(time.Second)
	r.ok()
}

// Each kind of error of the whole account, and how long the account waits for it.
func TestWaits(t *testing.T) {
	const minute = time.Minute
	backoff := func(n int) time.Duration { return time.Duration(n) * 7 * minute }
	login := func(text string) error {
		code := ""
		if rest, ok := strings.CutPrefix(text, "["); ok {
			code, text, _ = strings.Cut(rest, "] ")
		}
		return &pop3.LoginError{Err: &pop3.ResponseError{Command: "PASS", Code: code, Text: text}}
	}
	garbage := func(verb string) error { return &pop3.ProtocolError{Command: verb, Err: errors.New("odd")} }
	for _, c := range []struct {
		name        string
		err         error
		class       verdict.Class
		least, most time.Duration // after the first time
		third       time.Duration // after the third, at least
		server      bool          // whoever is not asked keeps to it
	}{
		{"nothing", nil, verdict.OK, 0, 0, 0, false},
		{"stopped by a person", context.Canceled, verdict.Temporary, 0, 0, 0, false},
		{"lease held", uidl.ErrBusy, verdict.Temporary, 0, 0, 0, false},
		{"ledger locked", uidl.ErrLocked, verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"network", &pop3.ConnError{Command: "connect", Err: errors.New("refused")}, verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"destination", errDown, verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"flood", &health.FloodError{}, verdict.Config, 0, 0, 0, false},
		{"secret", &pop3.SecretError{Err: errors.New("no")}, verdict.Config, 7 * minute, 7 * minute, 21 * minute, false},
		{"SYS/TEMP", login("[SYS/TEMP] x"), verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"SYS/PERM", login("[SYS/PERM] x"), verdict.Config, time.Hour, time.Hour, 24 * time.Hour, true},
		{"IN-USE", login("[IN-USE] x"), verdict.Temporary, 2 * minute, 5 * minute, 2 * minute, true},
		{"duplicate login", login("duplicate login!"), verdict.Temporary, 2 * minute, 5 * minute, 2 * minute, true},
		{"LOGIN-DELAY", login("[LOGIN-DELAY] x"), verdict.Temporary, 15 * minute, 15 * minute, 15 * minute, true},
		{"text: locked", login("maildrop already locked"), verdict.Temporary, 2 * minute, 5 * minute, 2 * minute, true},
		{"text: too often", login("please wait"), verdict.Temporary, 15 * minute, 15 * minute, 60 * minute, true},
		{"text: down", login("internal server error"), verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"hung up at the password", &pop3.ConnError{Command: "PASS", Err: io.EOF}, verdict.Temporary, 7 * minute, 7 * minute, 30 * minute, true},
		{"hung up before", &pop3.ConnError{Command: "USER", Err: io.EOF}, verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"TLS does not fit", &pop3.TLSError{Op: "greeting", Err: pop3.ErrTLSFirst}, verdict.Config, time.Hour, time.Hour, 24 * time.Hour, false},
		{"login limit", login("Exceeded the login limit for a 15 minute period"), verdict.Temporary, 15 * minute, 15 * minute, 15 * minute, true},
		{"greeting", &pop3.ResponseError{Command: "greeting", Code: "LOGIN-DELAY"}, verdict.Temporary, 15 * minute, 15 * minute, 15 * minute, true},
		{"AUTH", login("[AUTH] x"), verdict.Login, 0, 0, 0, false},
		{"plain", login("x"), verdict.Login, 10 * minute, 10 * minute, 0, true},
		{"no STLS", &pop3.TLSError{Op: "STLS", Err: pop3.ErrNoSTLS}, verdict.Config, time.Hour, time.Hour, 24 * time.Hour, false},
		{"garbage at the greeting", garbage("greeting"), verdict.Temporary, time.Hour, time.Hour, 24 * time.Hour, false},
		{"garbage in a listing", garbage("LIST"), verdict.Temporary, time.Hour, time.Hour, 24 * time.Hour, false},
		{"garbage in a pipelined listing", &verdict.Pipelined{Err: garbage("LIST")}, verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"garbage in a message", garbage("RETR"), verdict.Temporary, 7 * minute, 7 * minute, 21 * minute, false},
		{"our fault", &settle.PanicError{}, verdict.Internal, 7 * minute, 7 * minute, 21 * minute, false},
	} {
		now := time.Unix(1e9, 0)
		p := newPass(Account{}, Options{Now: func() time.Time { return now }, Backoff: backoff}.WithDefaults())
		for i := 1; i <= 3; i++ {
			err := p.desk.Health.TryLogin(func() error { return c.err })
			v := p.closing.verdictOf(err)
			next := p.closing.holdAfter(err, v)
			wait := next.Sub(now)
			if next.IsZero() {
				wait = 0
			}
			if i == 1 && (v.Class != c.class || wait < c.least || wait > c.most) || i == 3 && wait < c.third {
				t.Errorf("%s, time %d: class %s, waits %v", c.name, i, v.Class, wait)
			}
			if err := p.desk.Health.Barred(context.Background()); (err != nil) != (c.server && (i > 1 || !strings.HasPrefix(c.name, "hung up"))) && c.class != verdict.Login {
				t.Errorf("%s: barred: %v", c.name, err)
			}
			now = now.Add(max(wait, health.RefusedApart))
		}
		if c.err == nil && p.desk.Health.Hold != nil {
			t.Errorf("%s: %+v", c.name, p.desk.Health.Hold)
		}
	}
}

// Back-off grows with failures in a row and survives a restart; the daemon keeps to it, a run from cron tries anyway. A
// message that fails is no reason to wait.
func TestBackoffStored(t *testing.T) {
	r := newRig(t, mailbox(2)...)
	r.opt.Backoff = func(n int) time.Duration { return time.Duration(n) * time.Minute }
	dial := r.acc.Server.Dial
	r.acc.Server.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	for n := 1; n <= 3; n++ {
		rep := r.run()
		if rep.Untried || !rep.NextTry.Equal(r.clock.Add(time.Duration(n)*time.Minute)) {
			t.Errorf("failure %d: %+v", n, rep)
		}
		r.ledger.Close()
		r.open()
		if st := r.standing(); st.Due(r.clock).IsZero() || st.Hold == "" || !st.Barred(r.clock).IsZero() {
			t.Errorf("%+v", st)
		}
	}
	r.acc.Server.Dial = dial
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "1" {
				return &pop3test.Reply{Raw: []byte("-ERR not this one\r\n")}
			}
			return nil
		}
	})
	if rep := r.run(); rep.Failed != 1 || rep.New != 1 || rep.Verdict.Class != verdict.Temporary || !rep.NextTry.IsZero() {
		t.Errorf("%+v", rep)
	}
	if st := r.standing(); !st.NextTry.IsZero() || st.Hold != "" {
		t.Errorf("%+v", st)
	}
}

func TestPause(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, mailbox(2)...)
	n := r.connections()
	r.must(health.Pause(ctx, r.ledger, "a", true))
	since := r.standing().Paused
	rep := r.ok()
	if !rep.Untried || *n != 0 || len(rep.Notes) != 1 || !strings.HasPrefix(rep.Notes[0], "paused since ") || r.passes() != 0 {
		t.Errorf("%+v", rep)
	}
	r.must(health.Pause(ctx, r.ledger, "a", true))
	if again := r.standing().Paused; since.IsZero() || !again.Equal(since) {
		t.Errorf("paused since %v, then since %v", since, again)
	}
	r.must(health.Wake(ctx, r.ledger, "a", false))
	r.opt.Asked = true // at a terminal, say
	if rep := r.ok(); !rep.Untried || !rep.Paused {
		t.Errorf("asked without its name: %+v", rep)
	}
	r.opt.Named = true
	if rep := r.ok(); rep.New != 2 || rep.Paused {
		t.Errorf("named: %+v", rep)
	}
	r.opt.Asked, r.opt.Named = false, false
	if rep := r.ok(); !rep.Paused {
		t.Errorf("still paused: %+v", rep)
	}
	r.must(health.Wake(ctx, r.ledger, "a", true)) // one pass, also by a timer
	if rep := r.ok(); rep.Untried || rep.Kept != 2 {
		t.Errorf("woken by name: %+v", rep)
	}
	if rep := r.ok(); !rep.Paused || !strings.Contains(rep.Notes[0], "popsync run a fetches it once, popsync resume a ends the pause") {
		t.Errorf("and paused again: %+v", rep)
	}
	r.must(health.Pause(ctx, r.ledger, "a", false))
	if rep := r.ok(); rep.Untried || rep.Kept != 2 {
		t.Errorf("%+v", rep)
	}
	l, err := r.ledger.Acquire(ctx, "a")
	r.must(err)
	defer l.Close()
	if err := health.Pause(ctx, r.ledger, "a", true); !errors.Is(err, uidl.ErrBusy) {
		t.Errorf("while a pass runs: %v", err)
	}
}

func TestProviders(t *testing.T) {
	for _, c := range []struct {
		host, user   string
		hides, never bool
		interval     time.Duration
		hint         string
	}{
		{"pop.example.org", "u", false, false, 0, ""},
		{"POP.gmail.com.", "u", true, false, 0, "app password"},
		{"pop.gmail.com", "recent:u", false, true, 0, "app password"},
		{"pop3.web.de", "u", false, false, 15 * time.Minute, "before the @"},
		{"ssl0.ovh.net", "u", false, false, time.Minute, ""},
		{"outlook.office365.com", "u", false, false, 3 * time.Minute, "OAuth"},
	} {
		p := health.ProviderOf(c.host, c.user)
		if p.RetrHides != c.hides || p.NeverDelete != c.never || p.MinInterval != c.interval || !strings.Contains(p.LoginHint, c.hint) ||
			(c.hint == "") != (p.LoginHint == "") {
			t.Errorf("%s %s: %+v", c.host, c.user, p)
		}
	}
	for host := range health.Providers {
		if host != strings.ToLower(host) {
			t.Errorf("%s can never be found", host)
		}
	}
}

// What is planned is told before the first message, grows with each session, and knows the limit.
func TestPlanned(t *testing.T) {
	for _, limit := range []int{0, 5} {
		box := mailbox(7)
		r := newRig(t, box...)
		r.acc.Policy.Limit = limit
		r.opt.SessionMessages = 3
		var first, last report.Report
		r.opt.Progress = func(rep report.Report) {
			if first.Planned == 0 {
				first = rep
			}
			last = rep
		}
		rep := r.ok()
		want := 7
		if limit > 0 {
			want = limit
		}
		if first.New != 0 || first.Planned != want || last.Planned != want || rep.Planned != want || rep.New != want || rep.PlannedBytes != rep.Bytes {
			t.Errorf("limit %d: first %+v, at the end %+v", limit, first, rep)
		}
	}
}

var errDown = &deliver.Error{Op: "connect", Place: "relay", Scope: deliver.WholeTarget, Err: errors.New("connection refused")}

// When refusals stop an account, and when they count.
func TestRefusals(t *testing.T) {
	const start, week = int64(1e9), int64(7 * 24 * 3600)
	type at struct {
		after int64 // seconds
		coded bool
	}
	plain := func(after ...int64) (all []at) {
		for _, a := range after {
			all = append(all, at{after: a})
		}
		return all
	}
	for _, c := range []struct {
		name    string
		worked  int64
		refused []at
		stopped bool // not tried again
		counted int
		wait    time.Duration // after the last
	}{
		{"one, coded", 0, []at{{0, true}}, false, 1, 0},
		{"two, coded, at once", 0, []at{{0, true}, {1, true}}, true, 2, 0},
		{"two, coded, of a login that worked", start - 60, []at{{0, true}, {1, true}}, true, 2, 0},
		{"one", 0, plain(0), false, 1, 10 * time.Minute},
		{"many at once", 0, plain(0, 1, 2, 3, 599), false, 1, 10 * time.Minute},
		{"two", 0, plain(0, 600), false, 2, 10 * time.Minute},
		{"three", 0, plain(0, 600, 1200), true, 3, 0},
		{"the clock is set back", 0, plain(0, 600, -9000), false, 2, 10 * time.Minute},
		{"worked a minute ago", start - 60, plain(0, 900, 2700, 6300), false, 4, 2 * time.Hour},
		{"waits no longer than four hours", start - 60, plain(0, 600, 1200, 1800, 2400, 3000), false, 6, 4 * time.Hour},
		{"worked a minute ago, refused for six hours", start - 60, plain(0, 900, 6*3600), false, 3, 24 * time.Hour},
		{"worked a minute ago, six hours are close", start - 60, plain(0, 900, 2700, 6300, 13500), false, 5, 21600*time.Second - 13500*time.Second},
		{"worked a minute ago, refused for days", start - 60, plain(0, 900, 6*3600, 30*3600, 54*3600), false, 5, 24 * time.Hour},
		{"worked a minute ago, refused twice in six hours", start - 60, plain(0, 6*3600), false, 2, 30 * time.Minute},
		{"worked a week ago", start - week, plain(0, 600, 1200), false, 3, time.Hour},
		{"worked long ago", start - 52*week, plain(0, 600, 1200), false, 3, time.Hour},
		{"worked, then a coded one", start - 60, []at{{0, false}, {600, true}}, false, 2, 10 * time.Minute},
		{"worked, a coded one among three", start - 60, []at{{0, false}, {600, true}, {1200, false}, {1800, false}}, true, 4, 0},
		{"worked, tried daily, then a coded one", start - 60, []at{{0, false}, {900, false}, {6 * 3600, false}, {30 * 3600, true}}, true, 4, 0},
	} {
		var r health.Refusals
		for _, one := range c.refused {
			r.Add(one.coded, "no\x1b", start+one.after, c.worked)
		}
		var wait time.Duration
		if next := r.Next(c.worked); !next.IsZero() {
			wait = next.Sub(time.Unix(r.Last, 0))
		}
		if r.Ended(c.worked) != c.stopped || r.Coded+r.Plain != c.counted || wait != c.wait || r.Text != `no\x1b` {
			t.Errorf("%s: %+v, waits %v", c.name, r, wait)
		}
	}
}

// A pass that asked nothing of the server proves nothing: an account whose ledger was repaired stays under suspicion.
func TestHeldPassKeepsVerifyMode(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, mailbox(1)...)
	r.announce(900)
	r.ok()
	l, err := r.ledger.Acquire(ctx, "a")
	r.must(err)
	st := l.Info().Status
	st.Facts = health.VerifyMode(st.Facts)
	r.must(l.Commit(ctx, uidl.Change{Status: &st}))
	r.must(l.Close())
	if rep := r.ok(); !rep.Untried || !r.remembered().Verify {
		t.Errorf("%+v", rep)
	}
}

// A dry run sends nothing anywhere, so that no destination is in its way.
func TestDryRunBesideOutage(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	r.opt.Backoff = doubling
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error { return errDown }
	r.pair(m)
	r.opt.DryRun = true
	if rep := r.pair(m); rep.Verdict.Class != verdict.OK || rep.Untried {
		t.Errorf("%+v", rep)
	}
	if len(r.standing().Down) != 1 {
		t.Error("it forgot the outage")
	}
}
