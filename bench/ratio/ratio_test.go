//go:build bench

package ratio

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/floor"
	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/bench/proxy"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// binary is the program to measure, by POPSYNC_BENCH.
func binary(t *testing.T) string {
	t.Helper()
	p := os.Getenv("POPSYNC_BENCH")
	if p == "" {
		t.Fatal("set POPSYNC_BENCH to a popsync binary, as make bench does")
	}
	return p
}

// place is a person's directory for one account.
type place struct {
	t   *testing.T
	dir string
	bin string
}

func newPlace(t *testing.T, addr, user string, more ...string) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), bin: binary(t)}
	host, port, _ := strings.Cut(addr, ":")
	conf := fmt.Sprintf("state_dir = %q\n[log]\nlevel = \"warn\"\n[account.a]\nhost = %q\nport = %s\ntls = \"none\"\nusername = %q\npassword = %q\n%s\n[[account.a.deliver]]\ntype = \"maildir\"\npath = %q\n",
		filepath.Join(p.dir, "state"), host, port, user, dovecot.Password, strings.Join(more, "\n"), filepath.Join(p.dir, "Mail"))
	if err := os.WriteFile(filepath.Join(p.dir, "config.toml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// run makes one run that must succeed and returns how long the process took.
func (p *place) run(wantNew int) time.Duration {
	p.t.Helper()
	cmd := exec.Command(p.bin, "--config", filepath.Join(p.dir, "config.toml"), "run", "--json")
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		p.t.Fatalf("popsync run: %v\n%s", err, out)
	}
	var rep struct{ New int }
	if err := json.Unmarshal(out, &rep); err != nil || rep.New != wantNew {
		p.t.Fatalf("%d new, want %d: %s (%v)", rep.New, wantNew, out, err)
	}
	return took
}

func floorRun(t *testing.T, addr, user string, listOnly, del bool) time.Duration {
	t.Helper()
	res, err := floor.Run(context.Background(), floor.Options{Addr: addr, User: user, Password: dovecot.Password,
		Dir: filepath.Join(t.TempDir(), "Mail"), ListOnly: listOnly, Delete: del})
	if err != nil {
		t.Fatal(err)
	}
	return res.Took
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func near(t *testing.T, addr string, roundTrip time.Duration) string {
	t.Helper()
	if roundTrip == 0 {
		return addr
	}
	p, err := proxy.Start(addr, proxy.Options{Delay: roundTrip / 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p.Addr()
}

// TestRatioFetch: new mail, against an ideal client in the same run.
func TestRatioFetch(t *testing.T) {
	binary(t)
	for _, c := range []struct {
		name      string
		n         int
		roundTrip time.Duration
	}{{"10,000 of 2 to 8 KB, 0 ms", 10_000, 0}, {"2,000 of 2 to 8 KB, 50 ms", 2_000, 50 * time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			d := dovecot.Start(t, dovecot.Options{Users: 1})
			d.Fill("u1", mailgen.Messages(1, c.n, 2000, 8000))
			addr := near(t, d.Plain, c.roundTrip)
			floorRun(t, d.Plain, "u1", true, false) // Dovecot's indexes
			var ours, ideal []time.Duration
			for range 5 {
				ideal = append(ideal, floorRun(t, addr, "u1", false, false))
				ours = append(ours, newPlace(t, addr, "u1").run(c.n))
			}
			report(t, c.name, median(ours), median(ideal))
		})
	}
}

// TestRatioKept: 100,000 kept messages and 10 new, against a bare UIDL and LIST.
func TestRatioKept(t *testing.T) {
	binary(t)
	const kept = 100_000
	d := dovecot.Start(t, dovecot.Options{Users: 1})
	d.Fill("u1", mailgen.Messages(2, kept, 300, 400))
	p := newPlace(t, d.Plain, "u1")
	p.run(kept)
	for _, rt := range []time.Duration{0, 50 * time.Millisecond} {
		addr := near(t, d.Plain, rt)
		var ours, ideal []time.Duration
		p = p.move(addr)
		for i := range 5 {
			d.Fill("u1", mailgen.Messages(uint64(100+i)+uint64(rt), 10, 300, 400))
			ideal = append(ideal, floorRun(t, addr, "u1", true, false))
			ours = append(ours, p.run(10))
		}
		report(t, fmt.Sprintf("100,000 kept, 10 new, %v", rt), median(ours), median(ideal))
	}
}

// move points the account at another address of the same server.
func (p *place) move(addr string) *place {
	p.t.Helper()
	file := filepath.Join(p.dir, "config.toml")
	b, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "port = ") {
			lines[i] = "port = " + addr[strings.LastIndexByte(addr, ':')+1:]
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p
}

func report(t *testing.T, what string, ours, ideal time.Duration) {
	t.Logf("%s: popsync %v, ideal client %v: %.2f times", what, ours.Round(time.Millisecond), ideal.Round(time.Millisecond),
		float64(ours)/float64(ideal))
}
