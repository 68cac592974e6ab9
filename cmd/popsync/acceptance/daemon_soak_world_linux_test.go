//go:build amd64 || arm64

package acceptance_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
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
	gone    time.Duration // since begun: when the provider of one account goes away
	back    time.Duration

	away     atomic.Bool // the provider of the account "gone"
	told     bool        // that it is away was looked for
	now      *resident
	pid      atomic.Int64 // of now; 0: it is no popsync yet or any more
	started  time.Time    // when now had become popsync
	all      []*resident
	kills    int
	caught   int // kills while it was connected to a server
	open     int // deliveries that kills left open
	doubt    int // deliveries to the second destination that kills left in doubt
	samples  []sample
	accounts []soakAccount
	ports    []int // where they are fetched from
}

// soakAccount is one of the accounts, named as its user on the server.
type soakAccount struct {
	name   string
	delete bool
}

const relayUser = "relay" // whose mailbox is the second destination of "both"

func newSoak(t *testing.T, length time.Duration, seed uint64, control string) *soak {
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: the daemon in the unit's sandbox, which needs root")
	}
	h := newHouse(t)
	h.bin = program(t, control)
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
		k.ports = append(k.ports, port(way.Addr()))
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
	k.pid.Store(int64(k.now.cmd.Process.Pid))
}

// restricted wants the kernel to say that the daemon is in the sandbox.
func (k *soak) restricted() {
	k.t.Helper()
	pid := k.now.cmd.Process.Pid
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		k.t.Fatal(err)
	}
	for _, line := range []string{"Seccomp:\t2\n", "NoNewPrivs:\t1\n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
		fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", k.sandbox.UID)} {
		if !strings.Contains(string(status), line) {
			k.t.Errorf("the daemon's process lacks %q:\n%s", line, status)
		}
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", pid))
	if root := regexp.MustCompile(`(?m)^\S+ / \S+ ro[, ]`); err != nil || !root.Match(mounts) {
		k.t.Errorf("the root is not read-only: %v\n%s", err, mounts)
	}
}

// connected is how many connections there are to the servers that mail is fetched from.
func (k *soak) connected() (n int) {
	k.t.Helper()
	tcp, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		k.t.Fatal(err)
	}
	for line := range strings.Lines(string(tcp)) {
		const remote, state, established = 2, 3, "01"
		f := strings.Fields(line)
		for _, port := range k.ports {
			if len(f) > state && f[state] == established && strings.HasSuffix(f[remote], fmt.Sprintf(":%04X", port)) {
				n++
			}
		}
	}
	return n
}

// reading tells whether a pass reads mail: it notes in its lease file what it reads.
func (k *soak) reading() bool {
	k.t.Helper()
	for _, a := range k.accounts {
		if st, err := os.Stat(filepath.Join(k.h.state(), "lease", a.name+".lock")); err == nil && st.Size() > 0 {
			return true
		}
	}
	return false
}

// ledger asks a copy of the ledger for a number, so that nothing of it changes; 0 before it is made.
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
		return 0
	}
	return c.number(query, args...)
}
