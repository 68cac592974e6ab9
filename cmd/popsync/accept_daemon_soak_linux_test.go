//go:build amd64 || arm64

package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/proxy"
	"github.com/popsync/popsync/internal/confine"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// A soak is a daemon in the shipped unit's sandbox, a real Dovecot that new mail comes to, a provider that is away for a
// while, and somebody who kills the daemon. 'make test' has a short one; 'make test-soak' is what docs/reliability.md
// tells of.
type soak struct {
	t       *testing.T
	h       *house
	sandbox confine.Sandbox
	server  *dovecot.Server
	feed    *feeder
	r       *rand.Rand // of the kills
	length  time.Duration
	begun   time.Time

	away     atomic.Bool // the provider of the account "gone"
	now      *resident
	started  time.Time // when now had become popsync
	all      []*resident
	kills    int
	caught   int // kills in the midst of a pass that had begun to read mail
	open     int // deliveries that kills left open
	samples  []sample
	accounts []soakAccount
}

// soakAccount is one of the accounts, named as its user on the server.
type soakAccount struct {
	name   string
	delete bool
}

const relayUser = "relay" // whose mailbox is the second destination of "both"

// soakPlan is what kills are made in turn, so that the first two make three kills.
var soakPlan = []string{"in the midst of a pass", "in the first 100 ms", "at any moment", "in the midst of a pass", "twice within a second"}

func newSoak(t *testing.T, length time.Duration, seed uint64, tags string) *soak {
	h := newHouse(t)
	h.bin = program(t, tags)
	h.env = append(h.env, "XDG_RUNTIME_DIR=")
	k := &soak{
		t: t, h: h, sandbox: h.confined("Mail"), length: length, r: rand.New(rand.NewPCG(seed, 1)),
		accounts: []soakAccount{{"keep", false}, {"gone", true}, {"both", true}},
		server:   dovecot.Start(t, dovecot.Options{LMTP: true}),
	}
	k.sandbox.Read = append(k.sandbox.Read, k.server.CAFile, k.server.LMTP)
	every, after, backoff := "5s", "5s", "4s"
	if length < time.Minute {
		every, after, backoff = "1s", "1s", "1s"
	}
	fmt.Fprintf(&h.conf, "[alarm]\nafter = %q\n[metrics]\nlisten = \"unix:%s\"\n[limits]\nbackoff_min = \"500ms\"\nbackoff_max = %q\n",
		after, k.metricsSocket(), backoff)
	for _, a := range k.accounts {
		k.server.AddUser(a.name)
		// A little distance makes passes long enough to be hit.
		way, err := proxy.Start(k.server.TLS, proxy.Options{Delay: 4 * time.Millisecond, CutAfter: func(int) int64 {
			if a.name == "gone" && k.away.Load() {
				return 0
			}
			return -1
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { way.Close() })
		more := []string{fmt.Sprintf("ca_file = %q", k.server.CAFile), "alarm = true", `jitter = "0s"`, fmt.Sprintf("schedule = \"@every %s\"", every)}
		if a.delete {
			more = append(more, `delete = "after-delivery"`)
		}
		h.add(a.name, "localhost", port(way.Addr()), a.name, dovecot.Password, filepath.Join("Mail", a.name), more...)
	}
	k.server.AddUser(relayUser)
	h.deliver("both", `type = "lmtp"`, `name = "relay"`, fmt.Sprintf("address = \"unix:%s\"", k.server.LMTP), fmt.Sprintf("to = [\"%s@example.org\"]", relayUser))
	h.write()
	if err := os.Chown(filepath.Join(h.dir, "config.toml"), k.sandbox.UID, k.sandbox.GID); err != nil {
		t.Fatal(err)
	}
	k.sandbox.Read = append(k.sandbox.Read, filepath.Join(h.dir, "config.toml"))
	k.feed = newFeeder(t, k.server.LMTP, seed, k.accounts)
	return k
}

func (k *soak) metricsSocket() string { return filepath.Join(k.h.dir, "runtime", "metrics.sock") }
func (k *soak) maildir(account string) string {
	return filepath.Join(k.h.mail("Mail"), account)
}

// start starts a daemon and returns once its process is popsync.
func (k *soak) start() {
	k.t.Helper()
	k.now = k.h.start(k.sandbox.Start)
	k.all = append(k.all, k.now)
	k.now.until("the sandbox to be entered", func() bool {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", k.now.cmd.Process.Pid))
		return strings.HasPrefix(string(comm), "popsync")
	})
	k.started = time.Now()
}

// kill kills the daemon, notes what it left, and starts the next.
func (k *soak) kill(why string) {
	k.t.Helper()
	if err := k.now.cmd.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	<-k.now.ended
	if st, ok := k.now.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || st.Signal() != syscall.SIGKILL {
		k.t.Fatalf("the daemon had ended before it was killed: %v", k.now.cmd.ProcessState)
	}
	k.kills++
	read, open := k.left()
	if read {
		k.caught++
	}
	k.open += open
	k.t.Logf("%7.2fs kill %2d, %s, %6.2fs old: in the midst of mail %t, %d deliveries open", time.Since(k.begun).Seconds(), k.kills, why,
		time.Since(k.started).Seconds(), read, open)
	k.start()
}

// event makes the kills of one kind.
func (k *soak) event(kind string) {
	k.t.Helper()
	switch kind {
	case "in the midst of a pass":
		k.feed.burst(10 + k.r.IntN(20))
		k.now.signal(syscall.SIGUSR1)
		time.Sleep(time.Duration(k.r.IntN(300)) * time.Millisecond)
	case "in the first 100 ms":
		k.kill("at any moment")
		time.Sleep(time.Duration(k.r.IntN(100)) * time.Millisecond)
	case "twice within a second":
		k.kill("at any moment")
		time.Sleep(time.Duration(100+k.r.IntN(700)) * time.Millisecond)
	}
	k.kill(kind)
}

// run kills the daemon in the first two thirds, and lets one live through the last.
func (k *soak) run(kills int, plan []string) {
	k.t.Helper()
	var events []string
	for n, i := 0, 0; n < kills; i++ {
		kind := plan[i%len(plan)]
		events = append(events, kind)
		if n++; strings.Contains(kind, "first") || strings.Contains(kind, "twice") {
			n++
		}
	}
	k.begun = time.Now()
	k.start()
	k.feed.start()
	slot := k.length * 2 / 3 / time.Duration(len(events))
	gone, back := k.length*35/100, k.length*35/100+max(k.length/15, 6*time.Second)
	for i, kind := range events {
		k.live(slot*time.Duration(i)+slot/5+time.Duration(k.r.Int64N(int64(slot*7/10))), gone, back)
		k.event(kind)
	}
	k.live(k.length, gone, back)
	k.feed.stop()
}

// live lets time pass, in which the provider goes away and comes back, and looks at the process.
func (k *soak) live(until, gone, back time.Duration) {
	k.t.Helper()
	tick := time.NewTicker(max(k.length/400, 200*time.Millisecond))
	defer tick.Stop()
	for time.Since(k.begun) < until {
		at := time.Since(k.begun)
		k.away.Store(at >= gone && at < back)
		select {
		case <-k.now.ended:
			k.t.Fatalf("the daemon ended by itself, with %d", k.now.cmd.ProcessState.ExitCode())
		case <-tick.C:
			if s, err := look(k.now.cmd.Process.Pid); err == nil {
				s.at, s.process = time.Since(k.begun), len(k.all)
				k.samples = append(k.samples, s)
			}
		}
	}
}

// left tells what a killed daemon left behind: whether it was reading mail, and how many deliveries are open. The ledger
// is looked at in a copy, so that nothing of it changes.
func (k *soak) left() (reading bool, open int) {
	k.t.Helper()
	leases, err := filepath.Glob(filepath.Join(k.h.state(), "lease", "*.lock"))
	if err != nil {
		k.t.Fatal(err)
	}
	for _, lease := range leases {
		if st, err := os.Stat(lease); err == nil && st.Size() > 0 {
			reading = true // a pass that ends in order empties it
		}
	}
	return reading, k.ledger(`SELECT count(*) FROM delivery`)
}

func (k *soak) ledger(query string, args ...any) int {
	k.t.Helper()
	c := &house{t: k.t, dir: k.t.TempDir()}
	if err := os.Mkdir(c.state(), 0o700); err != nil {
		k.t.Fatal(err)
	}
	for _, name := range []string{"ledger.db", "ledger.db-wal"} {
		b, err := os.ReadFile(filepath.Join(k.h.state(), name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(c.state(), name), b, 0o600)
		}
		if err != nil {
			k.t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(c.state(), "ledger.db")); err != nil {
		return 0 // killed before it was made
	}
	return c.number(query, args...)
}
