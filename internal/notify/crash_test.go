package notify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var errKilled = errors.New("killed")

// killer ends the process, by a panic, at one or two of the moments that it counts: before and after each write of a
// file, and before and after each time that a channel takes a notice.
type killer struct {
	at    []int
	count int
	where string
}

func (k *killer) moment(where string) {
	k.count++
	if len(k.at) > 0 && k.count == k.at[0] {
		k.at, k.where = k.at[1:], where
		panic(errKilled)
	}
}

func (k *killer) write(path string, data []byte, perm os.FileMode) error {
	k.moment("before a write")
	defer k.moment("after a write")
	return os.WriteFile(path, data, perm)
}

// mortal is a recorder in a process that may be killed.
type mortal struct {
	*recorder
	k    *killer
	cuts map[string]int // attempts that were cut short, by ID of the notice
}

func (m *mortal) Send(_ context.Context, n Notice) error {
	m.k.moment("before a send")
	m.mu.Lock()
	m.got = append(m.got, n)
	m.mu.Unlock()
	m.k.moment("after a send")
	return nil
}

// play goes through a history. A step that is killed is made again after a restart, three minutes later.
func play(t *testing.T, history string, at ...int) (channels []*mortal, moments int, died []string) {
	k := &killer{at: at}
	for _, name := range []string{"one", "two"} {
		channels = append(channels, &mortal{&recorder{name: name}, k, map[string]int{}})
	}
	w := newWorld(t, channels[0], channels[1])
	w.write = k.write
	w.open()
	for step := range strings.FieldsSeq(history) {
		what, when, _ := strings.Cut(step, "@")
		d, err := time.ParseDuration(when)
		must(t, err)
		for died := true; died; d += 3 * time.Minute {
			died = killed(func() { must(t, w.step(what+"@"+d.String())) })
			if died {
				countCuts(t, w.dir, channels)
				w.open()
			}
		}
		if k.where != "" {
			died, k.where = append(died, k.where), ""
		}
	}
	return channels, k.count, died
}

// countCuts looks for attempts that were begun and did not end.
func countCuts(t *testing.T, dir string, channels []*mortal) {
	list, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, path := range list {
		b, err := os.ReadFile(path)
		must(t, err)
		r, err := decode(b)
		must(t, err)
		for _, q := range r.Queue {
			for _, m := range channels {
				if try := q.To[m.name]; try != nil && try.State == begun {
					m.cuts[q.Notice.ID]++
				}
			}
		}
	}
}

func killed(f func()) (yes bool) {
	defer func() {
		if r := recover(); r == errKilled {
			yes = true
		} else if r != nil {
			panic(r)
		}
	}()
	f()
	return false
}

// order lists the distinct notices of a channel as they first came, without their times.
func (m *mortal) order() (order []string, times map[string]int) {
	times = map[string]int{}
	for _, n := range m.got {
		if times[n.ID]++; times[n.ID] == 1 {
			_, which, _ := strings.Cut(n.ID, "-")
			order = append(order, n.About+":"+which)
		}
	}
	return order, times
}

const killHistory = "T3@0s T3@6h30m P3@7h F0@8h F@9h F@40h"

// Killed once at any moment, every notice comes at least once and at most twice, in order.
func TestKilledOnce(t *testing.T) {
	channels, moments, _ := play(t, killHistory)
	want, _ := channels[0].order()
	if got := strings.Join(want, " "); got != "parked:trouble trouble:trouble trouble:person trouble:recovered parked:recovered" {
		t.Fatal(got)
	}
	seen, doubles := map[string]int{}, 0
	for k := 1; k <= moments; k++ {
		channels, _, died := play(t, killHistory, k)
		if len(died) != 1 {
			t.Fatalf("moment %d was not reached", k)
		}
		seen[died[0]]++
		for _, c := range channels {
			got, times := c.order()
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("killed at %d, %s: %s got %v", k, died[0], c.name, got)
			}
			for id, n := range times {
				if n > 2 {
					t.Errorf("killed at %d, %s: %s got %s %d times", k, died[0], c.name, id, n)
				}
				doubles += n - 1
			}
		}
	}
	if len(seen) != 4 || seen["after a send"] != 10 || doubles < 10 {
		t.Errorf("%d moments: %v, %d doubles", moments, seen, doubles)
	}
}

// Killed twice, no notice comes more than twice, and it comes unless both times an attempt for it was cut short.
func TestKilledTwice(t *testing.T) {
	_, moments, _ := play(t, killHistory)
	for k := 1; k <= moments; k++ {
		for _, later := range []int{1, 2, 3, 6, 7} { // among them the second attempt of what the first kill cut short
			l := k + later
			channels, _, died := play(t, killHistory, k, l)
			for _, c := range channels {
				got, times := c.order()
				lost := 0
				for id, n := range c.cuts {
					if n == 2 && times[id] == 0 {
						lost++
					}
				}
				if len(got)+lost != 5 {
					t.Errorf("killed at %d and %d, %v: %s got %v", k, l, died, c.name, got)
				}
				for id, n := range times {
					if n > 2 {
						t.Errorf("killed at %d and %d, %v: %s got %s %d times", k, l, died, c.name, id, n)
					}
				}
			}
		}
	}
}

// Something that kills popsync whenever it tells must not make it tell for ever.
func TestKilledByTelling(t *testing.T) {
	k := &killer{}
	m := &mortal{&recorder{name: "c"}, k, map[string]int{}}
	w := newWorld(t, m)
	for i := range 50 {
		k.at, k.count = []int{2}, 0 // after the send
		w.at = start.Add(time.Duration(i) * 3 * time.Minute)
		killed(func() { must(t, w.observe(Person, 0)) })
		w.open()
	}
	if len(m.got) != 2 || m.got[0].ID != m.got[1].ID {
		t.Errorf("told %d times", len(m.got))
	}
}
