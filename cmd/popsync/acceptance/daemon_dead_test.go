package acceptance_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// liveAccounts is how many live accounts there are: a fifth of them suffices to see that they are on time.
func liveAccounts() int {
	if large() {
		return 180
	}
	return 36
}

const (
	livePasses   = 10 // of each live account, at least, while the dead are dead
	liveMessages = 5  // for each
)

// A daemon with 200 accounts, or a sample of them, of which 20 are dead in ten ways: the live ones are on time and get their mail
// once, the dead ones cost what the limits allow, each is told of once, and all that can be asked tells the same. Then some
// are healed, and that is told once.
func TestAcceptDaemonDead(t *testing.T) {
	t.Parallel()
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.env = append(h.env, "XDG_RUNTIME_DIR=", "RUNTIME_DIRECTORY=")
	caFile := h.mail("ca.pem")
	if err := os.WriteFile(caFile, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	h.rewrite("[log]", fmt.Sprintf("parallel = 32\nschedule = \"@every %v\"\njitter = \"1s\"\n[metrics]\nlisten = %q\n[alarm]\nafter = \"4s\"\ncommand = %s%s[log]",
		deadEvery, "unix:"+h.mail("m.sock"), h.alarmCommand(), deadLimits))
	town := newTown(t, h, ca, caFile)
	mail := mailgen.Messages(13, 2, 300, 3000)
	all := h.graveyard(t, ca, caFile, boxOf(mail))
	for _, d := range all {
		if err := os.MkdirAll(filepath.Join(h.dir, d.name), 0o700); err != nil {
			t.Fatal(err)
		}
		host, password := d.host, d.password
		if host == "" {
			host = "127.0.0.1"
		}
		if password == "" {
			password = "p"
		}
		h.add(d.name, host, d.port, "u", password, d.maildir(), append(slices.Clone(d.lines), "alarm = true")...)
	}

	began := time.Now()
	r := h.daemon()
	until := func(n int) {
		t.Helper()
		r.until(fmt.Sprintf("%d passes over each live account", n), func() bool { return town.slowest() >= n })
	}
	for round := 1; round < liveMessages; round++ {
		until(round * livePasses / liveMessages)
		town.deliver(round)
		if round == 3 {
			h.wake(all)
		}
	}
	until(livePasses)
	r.until("an alarm for each dead account", func() bool { return h.knows(all, 1) })
	r.until("all mail", func() bool { return town.arrived() >= liveAccounts()*liveMessages })
	until(town.fastest() + 1) // by then each pass that brought the last mail is over
	world := h.ask(r)
	took := time.Since(began)
	// What was asked before is less than what has come by now, and what is allowed by now is more.
	total := map[string]int{}
	for _, d := range all {
		n := world.failures[d.name]
		if d.lair != nil {
			n = d.lair.visited()
		}
		total[d.kind()] += n
		if n > d.most(took) {
			t.Errorf("%s: %d connections in %v, want %d at most", d.name, n, took, d.most(took))
		}
		// Every pass is a connection, but for the one that may be running, and where the disk is full.
		if f := world.failures[d.name]; d.lair != nil && d.most(took) > 0 && (f > n || d.name != "disk-1" && f < 1) {
			t.Errorf("%s: %d failed passes, and %d connections", d.name, f, n)
		}
	}
	t.Logf("%v: passes over a live account %s, connections to two of each kind %v", took.Round(time.Millisecond), town.spread(), total)
	t.Logf("the daemon: %d MiB resident, %d at most, %d descriptors", r.resident()>>20, highWater(r.cmd.Process.Pid)>>20, r.descriptors())
	town.check(took)
	sick := map[string]*dead{}
	for _, d := range all {
		sick[d.name] = d
	}
	world.check(t, town, sick, nil)
	h.checkTold(all, nil)

	// One of each kind is healed, and both whose password is wrong.
	healed := map[string]*dead{}
	for _, d := range all {
		if strings.HasSuffix(d.name, "-2") && d.kind() != "password" || d.heal == nil && d.rewrite == nil {
			continue
		}
		healed[d.name] = d
		delete(sick, d.name)
		if d.kind() == "nodns" {
			h.rewrite(fmt.Sprintf("%q\nport = %d", d.host, d.port), fmt.Sprintf("%q\nport = %d", d.rewrite[1], newLair(t, d.server.ServeConn).port()))
		} else if d.rewrite != nil {
			h.rewrite(d.rewrite...)
		}
		if d.heal != nil {
			d.heal()
		}
	}
	r.signal(syscall.SIGHUP)
	r.says("configuration loaded")
	h.wake(slices.DeleteFunc(slices.Clone(all), func(d *dead) bool { return healed[d.name] == nil }))
	r.until("the end of the alarms", func() bool { return h.knows(slices.Collect(maps.Values(healed)), 2) })
	for _, d := range healed {
		_, got := alarmsIn(t, h.mail(d.maildir()))
		same(t, wanted(mail...), got)
	}
	h.ask(r).check(t, town, sick, healed)
	h.checkTold(all, healed)
	town.check(time.Since(began))
	t.Logf("all of it: %v, %d MiB resident, %d descriptors", time.Since(began).Round(time.Millisecond), r.resident()>>20, r.descriptors())
	r.stops(0)
	h.checkTold(all, healed)
}

// wake says "now" for those that wait for minutes. Each command of a house writes the configuration again, as it was: the
// daemon is not told of that, and tries no refused login again for it.
func (h *house) wake(all []*dead) {
	h.t.Helper()
	for _, d := range all {
		if d.woken {
			if r := h.popsync("wake", d.name); r.code != 0 {
				h.t.Errorf("wake %s: %d %s", d.name, r.code, r.err)
			}
		}
	}
}
