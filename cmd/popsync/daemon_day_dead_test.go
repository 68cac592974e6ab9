package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

const day24 = 24 * time.Hour

// grave is a dead account, and what it may cost in a day.
type grave struct {
	*resident
	least, most int           // attempts to connect
	longest     time.Duration // one may last
	cause       string
	from, to    time.Duration // since the start, when the alarm may come
}

// Where the bounds come from.
//
// Back-off: waits of half a minute at least, and in general, after the seventh failure, evenly from that to an hour. That
// makes a day's 48 attempts, some before the waits are long, give or take four times their deviation, which is 4. Never
// is the next one later than an hour, ten minutes of the schedule and what the attempt took.
const (
	backoffLeast = 20
	backoffMost  = 48 + 6 + 16
)

// What may pass by itself is told when it has lasted six hours, by the first pass after that.
const (
	toldFrom = 6 * time.Hour
	toldTo   = toldFrom + time.Hour + 15*time.Minute
	atOnce   = 2 * time.Minute
)

// graves makes the dead.
func graves(t *testing.T, ca *pop3test.CA, caFile string, add func(*resident, ...string)) (all []*grave) {
	// bury makes one that backs off, with a server that would work.
	bury := func(name string, longest time.Duration, o pop3test.Options, broken func(context.Context) (net.Conn, error), lines ...string) *grave {
		g := &grave{resident: &resident{name: name, server: pop3test.NewServer(o), broken: broken}, longest: longest, cause: "temporary",
			least: backoffLeast, most: backoffMost, from: toldFrom, to: toldTo}
		g.implicit = slices.Contains(lines, `tls = "implicit"`)
		g.server.AddUser("u", "p", pop3test.Message{UID: "1", Data: []byte("Subject: for " + name + "\r\n\r\nHello\r\n")})
		add(g.resident, lines...)
		all = append(all, g)
		return g
	}
	// playing dials a peer that does something and then closes.
	playing := func(play func(net.Conn)) func(context.Context) (net.Conn, error) {
		return func(context.Context) (net.Conn, error) {
			client, server := net.Pipe()
			go func() { defer server.Close(); play(server) }()
			return client, nil
		}
	}
	script := func(steps ...fault.Step) func(context.Context) (net.Conn, error) {
		return playing(func(conn net.Conn) { _ = fault.Script(steps).Run(conn) })
	}
	failing := func(err error) func(context.Context) (net.Conn, error) {
		return func(context.Context) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	}
	silent := playing(func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	person := func(g *grave, cause string, attempts int) {
		g.cause, g.least, g.most, g.from, g.to = cause, attempts, attempts, 0, atOnce
	}
	const moment = time.Second
	trust := fmt.Sprintf("ca_file = %q", caFile)

	bury("nodns-1", moment, pop3test.Options{}, failing(&net.DNSError{Err: "no such host", Name: "nodns-1.example", IsNotFound: true}))
	bury("nodns-2", 30*time.Second, pop3test.Options{}, func(ctx context.Context) (net.Conn, error) { // limits.connect
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	})
	bury("refused-1", moment, pop3test.Options{}, failing(syscall.ECONNREFUSED))
	bury("refused-2", moment, pop3test.Options{}, script())
	bury("greeting-1", time.Minute, pop3test.Options{}, silent) // limits.reply
	bury("greeting-2", time.Minute, pop3test.Options{}, playing(func(conn net.Conn) {
		for {
			if _, err := io.WriteString(conn, "+"); err != nil {
				return
			}
			time.Sleep(20 * time.Second)
		}
	}))
	bury("tls-1", 30*time.Second, pop3test.Options{}, silent, `tls = "implicit"`, trust) // limits.tls_handshake
	bury("tls-2", 30*time.Second, pop3test.Options{}, script(fault.Send("+OK\r\n"),
		fault.Chat("CAPA", "+OK\r\nSTLS\r\n.\r\n", "STLS", "+OK\r\n"), fault.Stalled()), `tls = "starttls"`, trust)

	// With [AUTH] two refusals end it, without it three that are ten minutes apart.
	person(bury("password-1", moment, pop3test.Options{OnCommand: saying("AUTH", "-ERR [AUTH] no")}, nil), "login", 2)
	person(bury("password-2", moment, pop3test.Options{OnCommand: saying("AUTH", "-ERR no")}, nil), "login", 3)

	// A certificate of a stranger, or for another name, is looked at again after an hour, six, and a day.
	stranger, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for i, by := range []*pop3test.CA{stranger, ca} {
		c, err := by.Server("cert-1.example")
		if err != nil {
			t.Fatal(err)
		}
		g := bury(fmt.Sprintf("cert-%d", i+1), moment, pop3test.Options{TLS: c}, nil, `tls = "implicit"`, trust)
		g.broken = func(ctx context.Context) (net.Conn, error) { return g.server.DialTLS(ctx, "", "") }
		person(g, "config", 3)
	}

	// Without a word on how long, LOGIN-DELAY means a quarter of an hour.
	g := bury("throttled-1", moment, pop3test.Options{OnCommand: saying("AUTH", "-ERR [LOGIN-DELAY] too soon")}, nil)
	g.least, g.most = 90, 24*4+1
	bury("throttled-2", moment, pop3test.Options{}, script(fault.Send("-ERR [SYS/TEMP] too many connections\r\n")))
	// A login that worked an hour ago: seven sessions, then refusals a quarter of an hour apart, half of one, one hour,
	// two, and the sixth when six hours are over since the first. Only then it counts as refused, and the next is a day later.
	since := time.Now()
	g = bury("throttled-3", moment, pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "AUTH" && time.Since(since) > time.Hour+5*time.Minute {
			return &pop3test.Reply{Raw: []byte("-ERR no\r\n")}
		}
		return nil
	}}, nil)
	person(g, "login", 7+6)
	g.from, g.to = 7*time.Hour, 7*time.Hour+30*time.Minute

	// limits.listing, and five times limits.idle for 5 KiB.
	login := []fault.Step{fault.Send("+OK\r\n"), fault.Chat("CAPA", "-ERR\r\n", "USER u", "+OK\r\n", "PASS p", "+OK\r\n", "CAPA", "-ERR\r\n"),
		fault.Expect("UIDL"), fault.Send("+OK\r\n")}
	bury("endless-1", moment, pop3test.Options{}, script(append(slices.Clone(login), fault.Repeat("1 uid\r\n"))...))
	bury("endless-2", 5*time.Minute+moment, pop3test.Options{}, script(append(slices.Clone(login), func(p *fault.Peer) error {
		for i := 1; ; i++ {
			if err := fault.Send(fmt.Sprintf("%d uid-%d\r\n", i, i))(p); err != nil {
				return nil
			}
			time.Sleep(50 * time.Second)
		}
	})...))

	// Two to five minutes are less than the schedule's ten.
	for i := range 2 {
		g := bury(fmt.Sprintf("inuse-%d", i+1), moment, pop3test.Options{OnCommand: saying("AUTH", "-ERR [IN-USE] locked")}, nil)
		g.least, g.most, g.to = 143, 145, toldFrom+15*time.Minute
	}

	// Full for this message: who knows whether there is room for the next? Full for all: no.
	g = bury("disk-1", moment, pop3test.Options{}, nil)
	g.target.OnFree = func() (int64, error) { return 1 << 20, nil } // limits.free_space is more
	g.least, g.most, g.to = 143, 145, toldFrom+15*time.Minute
	g = bury("disk-2", moment, pop3test.Options{}, nil)
	g.target.OnCreate = func(deliver.Message) error {
		return &deliver.Error{Op: "stage", Place: "disk-2", Scope: deliver.WholeTarget, Full: true, Err: syscall.ENOSPC}
	}
	return all
}

// saying answers one command with a line.
func saying(verb, line string) func(*pop3test.Session, string, string) *pop3test.Reply {
	return func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
		if v == verb {
			return &pop3test.Reply{Raw: []byte(line + "\r\n")}
		}
		return nil
	}
}

// publishes notes when mail is delivered.
func publishes(r *resident) func(deliver.Message) error {
	return func(deliver.Message) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mails = append(r.mails, time.Now())
		return nil
	}
}

// lateness is what a live account may be late: servers answer at once, so a second is much.
const lateness = time.Second

// checkOnTime wants one pass at the start, one at each time of the schedule, and every message by the first pass that
// can see it.
func checkOnTime(t *testing.T, r *resident, start time.Time, offset time.Duration, deliveries []time.Time) int {
	t.Helper()
	began := r.attempts()
	first := began[0]
	const jitter = 30 * time.Second
	if d := first.Sub(start); d > jitter || offset >= jitter {
		t.Errorf("%s first ran after %v, and then %v later than its schedule says", r.name, d, offset)
	}
	var want []time.Time
	for at := start.Truncate(10 * time.Minute).Add(offset); at.Before(start.Add(day24)); at = at.Add(10 * time.Minute) {
		if at.After(first) {
			want = append(want, at)
		}
	}
	if got := len(began) - 1; got != len(want) {
		t.Errorf("%s had %d passes, want %d", r.name, got, len(want))
		return len(began)
	}
	for i, at := range want {
		if late := began[i+1].Sub(at); late < 0 || late > lateness {
			t.Errorf("%s was due at %v and ran %v later", r.name, at.Format(time.TimeOnly), late)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mails) != len(deliveries) {
		t.Errorf("%s got %d messages, want %d", r.name, len(r.mails), len(deliveries))
		return len(began)
	}
	for i, at := range deliveries {
		next, _ := slices.BinarySearchFunc(began, at, time.Time.Compare)
		if next == len(began) || r.mails[i].Sub(began[next]) > 2*time.Second { // a batch may wait for a second
			t.Errorf("%s got at %v what came at %v", r.name, r.mails[i], at)
		}
	}
	return len(began)
}

// check compares the day of a dead account with what it may cost.
func (g *grave) check(t *testing.T, start time.Time, told []tolding) {
	t.Helper()
	if n := len(g.attempts()); n < g.least || n > g.most {
		t.Errorf("%s: %d attempts to connect, want %d to %d", g.name, n, g.least, g.most)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if longest := slices.Max(g.costs); longest > g.longest {
		t.Errorf("%s: an attempt lasted %v, want %v at most", g.name, longest, g.longest)
	}
	if len(told) != 1 {
		t.Errorf("%s: %d alarms, want one: %+v", g.name, len(told), told)
		return
	}
	n := told[0]
	if at := n.sent.Sub(start); n.Kind != "trouble" || n.Cause != g.cause || at < g.from || at > g.to {
		t.Errorf("%s: after %v was told of %s (%s), want %s after %v to %v", g.name, at, n.Kind, n.Cause, g.cause, g.from, g.to)
	}
	if len(g.mails) > 0 && g.name != "throttled-3" {
		t.Errorf("%s is not as dead as it should be", g.name)
	}
}

// checkHealed wants one more notice, and the mail.
func (g *grave) checkHealed(t *testing.T, told []tolding) {
	t.Helper()
	if len(told) != 2 || told[1].Kind != "recovered" {
		t.Errorf("%s was mended, and that was told: %+v", g.name, told[min(1, len(told)):])
	}
	if n := len(g.target.Delivered()); n != 1 {
		t.Errorf("%s was mended, and has %d messages, want 1", g.name, n)
	}
}

func (g *grave) summary(start time.Time, told []tolding) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, all := 0, time.Duration(0)
	for i, at := range g.began {
		if at.Sub(start) < day24 {
			n++
			all += g.costs[i]
		}
	}
	when := "never"
	if len(told) > 0 {
		when = told[0].sent.Sub(start).Round(time.Minute).String()
	}
	return fmt.Sprintf("%-12s %3d attempts, %v in all, the longest %v; alarm after %s", g.name, n, all.Round(time.Second),
		slices.Max(g.costs[:n]).Round(time.Second), when)
}
