package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// chaos plays a history that bytes describe, with restarts, one kill, a channel that fails at times and a disk that
// does, and checks what must hold in any of them.
func chaos(t *testing.T, script []byte) {
	k := &killer{}
	good := &mortal{&recorder{name: "good"}, k, map[string]int{}}
	flaky := &mortal{&recorder{name: "flaky"}, k, map[string]int{}}
	w := newWorld(t, good, flaky)
	w.write = k.write
	w.open()
	flakyDown, kills := false, 0
	w.o.Channels = func(string) []Channel {
		if flakyDown {
			return []Channel{good, &recorder{name: "flaky", fail: func(Notice) error { return errors.New("down") }}}
		}
		return []Channel{good, flaky}
	}
	must(t, w.n.Reload(w.o))
	gaps := []time.Duration{time.Minute, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 4 * time.Hour, 7 * time.Hour, 30 * time.Hour}
	for len(script) > 0 {
		b := script[0]
		script = script[1:]
		w.at = w.at.Add(gaps[b>>5])
		act := func() {
			switch what := b & 31; {
			case what < 8:
				_ = w.observe(Fine, max(int(what)-4, 0)) // a channel may be down
			case what < 14:
				_ = w.observe(Temporary, int(what)-9)
			case what < 22:
				_ = w.observe(Person, max(int(what)-18, 0))
			case what < 25:
				_ = w.n.flush(context.Background(), "work") // here, so that it can be killed
			case what < 27:
				w.open()
			case what < 29:
				flakyDown = !flakyDown
			case kills == 0 && len(script) > 0:
				k.at = []int{k.count + 1 + int(script[0]%24)}
				kills = 1
			}
		}
		if killed(act) {
			w.open()
		}
	}
	k.at, flakyDown = nil, false
	for range 100 {
		w.at = w.at.Add(time.Hour)
		_ = w.observe(Fine, 0)
	}
	if left := w.n.Incidents(); len(left) != 0 || len(w.n.accounts) != 0 {
		t.Errorf("left: %v %v", left, w.n.accounts)
	}
	for _, c := range []*mortal{good, flaky} {
		_, times := c.order()
		doubles, last := 0, map[string]time.Time{}
		begun := map[string]string{} // by incident: the last notice
		seen := map[string]bool{}
		for _, n := range c.got {
			if seen[n.ID] {
				continue
			}
			seen[n.ID] = true
			doubles += times[n.ID] - 1
			incident, which, _ := strings.Cut(n.ID, "-")
			switch before := begun[incident]; which {
			case "trouble":
				if before != "" {
					t.Errorf("%s: trouble after %s", c.name, before)
				}
				if gap := n.At.Sub(last[n.About]); gap < time.Hour {
					t.Errorf("%s: two troubles of %s within %v", c.name, n.About, gap)
				}
				last[n.About] = n.At
			case "person":
				if before == "person" || before == "recovered" || before == "" && c == good {
					t.Errorf("%s: person after %q", c.name, before)
				}
			case "recovered":
				if before == "" || before == "recovered" {
					t.Errorf("%s: recovered after %q", c.name, before)
				}
			}
			begun[incident] = which
		}
		if doubles > kills {
			t.Errorf("%s: %d doubles, %d kills", c.name, doubles, kills)
		}
		for incident, which := range begun {
			if which != "recovered" && c == good {
				t.Errorf("%s: %s ends with %s", c.name, incident, which)
			}
		}
	}
	if t.Failed() {
		t.Log(good.told())
		t.Log(flaky.told())
	}
}

func FuzzHistories(f *testing.F) {
	f.Fuzz(func(t *testing.T, script []byte) { chaos(t, script[:min(len(script), 200)]) })
}

func TestRandomHistories(t *testing.T) {
	n := uint64(60)
	if raceDetector {
		n = 20
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 1))
		script := make([]byte, 20+r.IntN(60))
		for i := range script {
			script[i] = byte(r.IntN(256))
		}
		if chaos(t, script); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
