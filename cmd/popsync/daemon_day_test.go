package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl/uidltest"
)

// dayLive is how many live accounts there are: a tenth of them suffices to see that they are on time.
func dayLive() int {
	if os.Getenv("POPSYNC_LARGE") != "" {
		return 180
	}
	return 20
}

// resident is an account of the day, and all that is seen of it.
type resident struct {
	name     string
	server   *pop3test.Server
	implicit bool // TLS
	target   *delivertest.Memory
	broken   func(ctx context.Context) (net.Conn, error) // dials; nil: server.Dial

	mu    sync.Mutex
	began []time.Time     // attempts to connect
	costs []time.Duration // from there until the client let go
	mails []time.Time     // delivered
}

// dial is pop3.Options.Dial.
func (r *resident) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	r.mu.Lock()
	r.began = append(r.began, time.Now())
	i, dial := len(r.began)-1, r.broken
	r.costs = append(r.costs, 0)
	r.mu.Unlock()
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) { return r.server.Dial(ctx, network, addr) }
	}
	conn, err := dial(ctx)
	if err != nil {
		r.ended(i)
		return nil, err
	}
	return &timedConn{conn, func() { r.ended(i) }}, nil
}

func (r *resident) ended(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.costs[i] = time.Since(r.began[i])
}

func (r *resident) attempts() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.began)
}

// mend makes all well, with a certificate of today.
func (r *resident) mend(cert *tls.Config) {
	r.mu.Lock()
	r.broken = nil
	if r.implicit {
		r.broken = func(ctx context.Context) (net.Conn, error) { return r.server.DialTLS(ctx, "", "") }
	}
	r.mu.Unlock()
	r.server.Change(func(o *pop3test.Options) { *o = pop3test.Options{TLS: cert} })
	r.target.OnCreate, r.target.OnFree = nil, nil
}

type timedConn struct {
	net.Conn
	ended func()
}

func (c *timedConn) Close() error {
	c.ended()
	return c.Conn.Close()
}

// mouth is a channel of alarms in memory.
type mouth struct {
	mu  sync.Mutex
	all map[string][]tolding // by account
}

type tolding struct {
	notify.Notice
	sent time.Time
}

func (*mouth) Name() string { return "memory" }

func (c *mouth) Send(_ context.Context, n notify.Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[n.Account] = append(c.all[n.Account], tolding{n, time.Now()})
	return nil
}

func (c *mouth) of(account string) []tolding {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all[account])
}

// A day of the daemon at its real limits, with the accounts of TestAcceptDaemonDead: what the living and the dead see of
// it can be told to the second here.
func TestDaemonDay(t *testing.T) {
	if underRace && os.Getenv("POPSYNC_LARGE") == "" {
		t.Skip("NOT TESTED under the race detector: go test without it does, and CI has a step for that")
	}
	dir := t.TempDir()
	// Each failed pass writes down the incident that goes on, and syncs it: in memory that takes no time.
	if memory, err := os.MkdirTemp("/dev/shm", "popsync-day-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(memory) })
		dir = memory
	}
	synctest.Test(t, func(t *testing.T) { day(t, dir) })
}

func day(t *testing.T, dir string) {
	time.Sleep(3 * time.Minute) // between two times of the schedule
	start := time.Now()
	caFile := filepath.Join(dir, "ca.pem")
	ca := newCA(t, caFile)
	var conf strings.Builder
	fmt.Fprintf(&conf, "state_dir = %q\ntimezone = \"UTC\"\n[log]\nlevel = \"error\"\n[control]\nsocket = \"off\"\n[alarm]\nmaildir = false\n", dir)
	all := map[string]*resident{}
	add := func(r *resident, lines ...string) {
		r.target = delivertest.NewMemory(r.name)
		r.target.OnPublish = publishes(r)
		all[r.name] = r
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "tls = ") }) {
			lines = append(lines, `tls = "none"`, "insecure_plaintext = true")
		}
		fmt.Fprintf(&conf, "[account.%[1]s]\nhost = \"%[1]s.example\"\nusername = \"u\"\npassword = \"p\"\n%[2]s\n[[account.%[1]s.deliver]]\ntype = \"maildir\"\npath = %[3]q\n",
			r.name, strings.Join(lines, "\n"), filepath.Join(dir, r.name))
	}
	var live []*resident
	for i := range dayLive() {
		r := &resident{name: fmt.Sprintf("live-%03d", i), server: pop3test.NewServer(pop3test.Options{})}
		r.server.AddUser("u", "p")
		live = append(live, r)
		add(r)
	}
	dead := graves(t, ca, caFile, add)
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	a := &app{Console: &console.Console{Out: io.Discard, Err: io.Discard}, configFile: file}
	cfg, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := openLog(io.Discard, false, config.Log{Level: "error", Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	ledger := uidltest.NewMemory().Open()
	d, err := serving{a}.newService(cfg, ledger, log, func(cfg *config.Config, c config.Account) (fetcher.Account, error) {
		acc, err := serving{a}.wireUnasked(cfg, c)
		if err == nil {
			r := all[c.Name]
			acc.Server.Dial = r.dial
			acc.Destinations[0].Target = r.target.Reopen()
		}
		return acc, err
	})
	if err != nil {
		t.Fatal(err)
	}
	told := &mouth{all: map[string][]tolding{}}
	d.Config.Alarms.Shared = []alarms.Way{{Channel: told}}
	sig := make(chan os.Signal, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := d.Run(ctx, sig)
		ended <- err
	}()
	synctest.Wait()                       // nothing was due yet
	offsets := map[string]time.Duration{} // of jitter: see checkOnTime
	rest := 0                             // goroutines when all is quiet
	deliveries := map[string][]time.Time{}
	wall := realTime()
	for hour := range 23 {
		time.Sleep(time.Hour - time.Since(start)%time.Hour + 9*time.Minute + 50*time.Second)
		synctest.Wait()
		if hour == 0 {
			rest = runtime.NumGoroutine()
			st, err := d.Status(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, acc := range st.Accounts {
				offsets[acc.Account] = acc.NextRun.Sub(acc.NextRun.Truncate(10 * time.Minute))
			}
		} else if n := runtime.NumGoroutine(); n > rest+2*len(dead) {
			t.Errorf("%d goroutines in hour %d, %d in the first", n, hour, rest)
		}
		if hour%6 == 0 {
			for i, r := range live {
				data := []byte(fmt.Sprintf("Subject: %d to %s\r\n\r\nHello\r\n", hour, r.name))
				r.server.Deliver("u", pop3test.Message{UID: fmt.Sprintf("%d-%d", hour, i), Data: data})
				deliveries[r.name] = append(deliveries[r.name], time.Now())
			}
		}
	}
	time.Sleep(24*time.Hour - time.Since(start))
	synctest.Wait()
	passes := 0
	for _, r := range live {
		passes += checkOnTime(t, r, start, offsets[r.name], deliveries[r.name])
		if n := told.of(r.name); len(n) > 0 {
			t.Errorf("of %s was told: %v", r.name, n)
		}
	}
	for _, g := range dead {
		g.check(t, start, told.of(g.name))
	}

	// All is mended, and somebody says so.
	ca = newCA(t, caFile)
	for _, g := range dead {
		cert, err := ca.Server(g.name + ".example")
		if err != nil {
			t.Fatal(err)
		}
		g.mend(cert)
	}
	sig <- syscall.SIGUSR1
	time.Sleep(5 * time.Minute)
	synctest.Wait()
	for _, g := range dead {
		g.checkHealed(t, told.of(g.name))
	}
	remembered, err := notify.Open(alarmDir(cfg), notify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := remembered.Incidents(); len(n) > 0 {
		t.Errorf("incidents are still open: %v", n)
	}
	stop(nil)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, r := range all {
		r.server.Close()
	}
	if err := ledger.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("a day in %v: %d passes over %d live accounts", (realTime() - wall).Round(time.Millisecond), passes, len(live))
	for _, g := range dead {
		t.Log(g.summary(start, told.of(g.name)))
	}
}

// newCA makes one that is valid for half a day, and the file that trusts it.
func newCA(t *testing.T, file string) *pop3test.CA {
	t.Helper()
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return ca
}

// realTime is a clock that synctest does not replace.
func realTime() time.Duration {
	var ts syscall.Timeval
	_ = syscall.Gettimeofday(&ts)
	return time.Duration(ts.Nano())
}
