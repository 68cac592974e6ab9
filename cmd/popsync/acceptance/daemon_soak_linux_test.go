//go:build amd64 || arm64

package acceptance_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The daemon under the shipped unit's restrictions, killed again and again while mail comes: nothing lost, nothing
// twice, and all that tells about it tells the truth.
func TestAcceptDaemonSoak(t *testing.T) {
	t.Parallel()
	length, kills, seed := 15*time.Second, 3, uint64(51)
	if text := os.Getenv("POPSYNC_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil || length < 15*time.Second {
			t.Fatalf("POPSYNC_SOAK=%s", text)
		}
		kills = 20
		if os.Getuid() != 0 {
			t.Fatal("the sandbox needs root")
		}
	}
	k := newSoak(t, length, seed, "")
	k.run(kills, soakPlan)
	k.quiet()
	k.agree()
	k.now.stops(0)
	k.nothingLost()
	k.flat()
	k.idle()
}

// A build that commits late, and a thief at the Maildir: the soak must see both. It runs only beside the long one.
func TestAcceptDaemonSoakControl(t *testing.T) {
	if os.Getenv("POPSYNC_SOAK") == "" {
		t.Skip("NOT TESTED here: make test-soak does it, and CI has a step for that")
	}
	k := newSoak(t, 40*time.Second, 52, "late-state")
	k.run(8, []string{"as mail appears"}) // when such a build has it in the Maildir and not in the ledger
	k.quiet()
	k.now.stops(0)
	honest := k.balances()["keep"]
	if err := os.Remove(maildirFiles(t, k.maildir("keep"))[0]); err != nil {
		t.Fatal(err)
	}
	got := k.balances()
	t.Log(got)
	if c := got["keep"]; c.lost-honest.lost+honest.twice-c.twice != 1 { // what was stolen may be one of two
		t.Errorf("the thief was not seen: %v, before %v", c, honest)
	}
	if got["keep"].twice+got["gone"].twice+got["both"].twice == 0 {
		t.Error("a build that commits late was not seen")
	}
}

// soakPlan is what kills are made in turn, so that the first two events make three kills and ten make twenty.
var soakPlan = []string{"in the midst of a pass", "in the first 100 ms", "in the midst of a pass", "at any moment", "in the midst of a pass", "twice within a second"}

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
	k.restricted()
	k.feed.start()
	enough := k.watch()
	defer enough()
	k.gone, k.back = k.length*35/100, k.length*35/100+max(k.length/15, 6*time.Second)
	slot := k.length * 2 / 3 / time.Duration(len(events))
	for i, kind := range events {
		k.live(slot*time.Duration(i) + slot/5 + time.Duration(k.r.Int64N(int64(slot*7/10))))
		k.event(kind)
	}
	k.live(max(k.length, time.Since(k.begun)+k.length/4)) // more on a machine that is slow
	k.away.Store(false)
	k.feed.stop()
}

// event makes the kills of one kind.
func (k *soak) event(kind string) {
	k.t.Helper()
	switch kind {
	case "in the midst of a pass":
		k.feed.burst(10 + k.r.IntN(20))
		k.now.signal(syscall.SIGUSR1)
		for end := time.Now().Add(2 * time.Second); !k.reading() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(k.r.IntN(80)) * time.Millisecond)
	case "as mail appears":
		k.feed.burst(10 + k.r.IntN(20))
		before := k.files()
		k.now.signal(syscall.SIGUSR1)
		for end := time.Now().Add(2 * time.Second); k.files() == before && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	case "in the first 100 ms":
		k.kill("at any moment")
		time.Sleep(time.Duration(k.r.IntN(100)) * time.Millisecond)
	case "twice within a second":
		k.kill("at any moment")
		time.Sleep(time.Duration(100+k.r.IntN(700)) * time.Millisecond)
	}
	k.kill(kind)
}

// files counts the messages in all Maildirs.
func (k *soak) files() (n int) {
	k.t.Helper()
	for _, a := range k.accounts {
		n += len(maildirFiles(k.t, k.maildir(a.name)))
	}
	return n
}

// kill kills the daemon, notes what it left, and starts the next.
func (k *soak) kill(why string) {
	k.t.Helper()
	connected := k.connected()
	k.pid.Store(0)
	if err := k.now.cmd.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	<-k.now.ended
	if st, ok := k.now.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || st.Signal() != syscall.SIGKILL {
		k.t.Fatalf("the daemon had ended before it was killed: %v", k.now.cmd.ProcessState)
	}
	k.kills++
	if connected > 0 {
		k.caught++
	}
	open := k.ledger(`SELECT count(*) FROM delivery`)
	k.open += open
	k.doubt += k.ledger(`SELECT count(*) FROM delivery JOIN destination ON destination.id = delivery.destination
		WHERE delivery.state = 2 AND destination.name = 'relay'`)
	k.t.Logf("%7.2fs kill %2d, %s, %6.2fs old: %d connections, %d deliveries open", time.Since(k.begun).Seconds(), k.kills, why,
		time.Since(k.started).Seconds(), connected, open)
	k.start()
}

// live lets time pass, in which the provider goes away and comes back.
func (k *soak) live(until time.Duration) {
	k.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for time.Since(k.begun) < until {
		at := time.Since(k.begun)
		k.away.Store(at >= k.gone && (at < k.back || !k.told)) // on a slow machine, until it was looked for
		if at >= k.gone+(k.back-k.gone)*3/4 && !k.told {
			k.told = true
			k.inTrouble()
		}
		select {
		case <-k.now.ended:
			k.t.Fatalf("the daemon ended by itself, with %d", k.now.cmd.ProcessState.ExitCode())
		case <-tick.C:
		}
	}
}
