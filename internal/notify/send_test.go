package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tried gives the times at which a channel is tried that always fails, by a loop that calls Flush each minute.
func tried(t *testing.T, fail func(try int) error, restarts bool) (times []time.Duration, last error) {
	t.Helper()
	good := &recorder{name: "good"}
	bad := &recorder{name: "bad"}
	w := newWorld(t, bad, good)
	bad.fail = func(Notice) error {
		times = append(times, w.at.Sub(start))
		return fail(len(times))
	}
	if err := w.step("P@0s"); err != nil {
		last = err
	}
	for w.at = start; w.at.Before(start.Add(50 * time.Hour)); w.at = w.at.Add(time.Minute) {
		if errs := w.n.Flush(context.Background()); len(errs) > 0 {
			last = errors.Join(errs...)
		}
		if restarts && len(times) > 3 {
			w.open()
		}
	}
	if good.told() != "trouble:trouble@0s" || good.tries != 1 {
		t.Errorf("the other channel: %s, %d attempts", good.told(), good.tries)
	}
	// Who was never told of the trouble is not told of its end.
	must(t, w.observe(Fine, 0))
	if good.tries != 2 || bad.tries != len(times) {
		t.Errorf("%d and %d attempts in the end", good.tries, bad.tries)
	}
	return times, last
}

func TestRetries(t *testing.T) {
	times, last := tried(t, func(int) error { return errors.New("refused") }, false)
	if got := fmt.Sprint(times[:5]); got != "[0s 1m0s 6m0s 1h6m0s 2h6m0s]" || len(times) != 27 || times[26] != 24*time.Hour+6*time.Minute {
		t.Errorf("%v", times)
	}
	if last == nil || last.Error() != "notice of account work by bad: refused (given up: nobody is told of it this way)" {
		t.Error(last)
	}
	again, _ := tried(t, func(int) error { return errors.New("refused") }, true)
	if fmt.Sprint(again) != fmt.Sprint(times) {
		t.Errorf("with restarts: %v", again)
	}
}

func TestRetryAfter(t *testing.T) {
	after := func(d time.Duration) func(int) error {
		return func(int) error { return fmt.Errorf("wrapped: %w", &SendError{Err: errors.New("busy"), After: d}) }
	}
	times, last := tried(t, after(10*time.Minute), false)
	if got := fmt.Sprint(times[:5]); got != "[0s 10m0s 20m0s 1h20m0s 2h20m0s]" || !strings.Contains(last.Error(), "wrapped: busy (given up") {
		t.Errorf("%v %v", times, last)
	}
	if times, _ := tried(t, after(1000*time.Hour), false); fmt.Sprint(times) != "[0s 6h0m0s 12h0m0s 18h0m0s 24h0m0s]" {
		t.Errorf("%v", times)
	}
	times, last = tried(t, func(int) error { return &SendError{Err: errors.New("gone"), Permanent: true} }, false)
	if len(times) != 1 || !strings.Contains(last.Error(), "gone (given up") {
		t.Errorf("%v %v", times, last)
	}
}

// What could not be sent in time comes in order: the trouble, and then its end.
func TestLateAndInOrder(t *testing.T) {
	up := false
	c := &recorder{name: "c", fail: func(Notice) error {
		if !up {
			return errors.New("down")
		}
		return nil
	}}
	w := newWorld(t, c)
	for _, step := range strings.Fields("T@0s T@6h P@7h F@8h flush@10h") {
		if err := w.step(step); (err == nil) != strings.HasSuffix(step, "@0s") {
			t.Errorf("%s: %v", step, err)
		}
	}
	up = true
	must(t, w.step("flush@12h"))
	if got := c.told(); got != "trouble:trouble@6h0m0s trouble:person@7h0m0s trouble:recovered@8h0m0s" {
		t.Error(got)
	}
	must(t, w.step("F@33h"))
	if got := files(t, w.dir); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// A new incident begins while the last one's end still waits.
func TestNextIncidentMeanwhile(t *testing.T) {
	down := map[string]bool{}
	c := &recorder{name: "c", fail: func(n Notice) error {
		if down[n.Kind] {
			return errors.New("down")
		}
		return nil
	}}
	w := newWorld(t, c)
	must(t, w.step("P@0s"))
	down[Recovered] = true
	if w.step("F@1m") == nil {
		t.Error("no error")
	}
	_ = w.step("P@70m")
	w.open()
	down[Recovered] = false
	must(t, w.step("flush@200m"))
	must(t, w.step("F@201m"))
	if got := c.told(); got != "trouble:trouble@0s trouble:recovered@1m0s trouble:trouble@1h10m0s trouble:recovered@3h21m0s" {
		t.Error(got)
	}
}

// A run by a timer once a day gives up by attempts, not by a day; and so does one whose clock jumps.
func TestFewAttempts(t *testing.T) {
	c := &recorder{name: "c", fail: func(Notice) error { return errors.New("down") }}
	w := newWorld(t, c)
	for _, step := range strings.Fields("P@0s flush@24h flush@87600h flush@87601h flush@87602h flush@87603h") {
		_ = w.step(step)
	}
	if c.tries != 4 {
		t.Errorf("%d attempts", c.tries)
	}
	w = newWorld(t, c)
	c.tries = 0
	for _, step := range strings.Fields("P@87600h flush@0s flush@59s flush@61s flush@7m flush@8m flush@68m flush@10h flush@30h flush@40h") {
		_ = w.step(step)
	}
	if c.tries != 6 { // at once; at 0 s, since the clock went back; 5 minutes and an hour later; 10 hours; 30 hours, the last
		t.Errorf("%d attempts after the clock went back", c.tries)
	}
}

// An attempt that was cut short is made again after two minutes, or at once when the clock went back.
func TestCutShort(t *testing.T) {
	for _, at := range []time.Duration{2 * time.Minute, -time.Second} {
		cut := &try{State: begun, Begun: start}
		if ok, _ := cut.ready(start.Add(time.Minute)); ok || cut.State != begun {
			t.Error("it is made while another one may go on")
		}
		if ok, changed := cut.ready(start.Add(at)); !ok || !changed {
			t.Errorf("it is not made after %v", at)
		}
		cut.begin(start)
		if ok, changed := cut.ready(start.Add(at)); ok || !changed || cut.State != sent {
			t.Errorf("it is made a third time: %+v", cut)
		}
	}
}

func TestChannelIsRemoved(t *testing.T) {
	c := &recorder{name: "c", fail: func(Notice) error { return errors.New("down") }}
	w := newWorld(t, c)
	if w.step("P@0s") == nil {
		t.Error("no error")
	}
	d := &recorder{name: "d"}
	w.channels = []Channel{d}
	must(t, w.step("P@10m"))
	must(t, w.step("F@20m"))
	must(t, w.step("F@21h"))
	must(t, w.step("F@50h"))
	if c.tries != 1 || d.tries != 0 || len(files(t, w.dir)) != 0 {
		t.Errorf("%d, %d attempts, %v", c.tries, d.tries, files(t, w.dir))
	}
}

// hanging answers only when its context ends.
type hanging struct{ began chan string }

func (h hanging) Name() string { return "a hanging one" }

func (h hanging) Send(ctx context.Context, n Notice) error {
	h.began <- n.Account
	<-ctx.Done()
	return ctx.Err()
}

// A channel that hangs holds up nobody else, and not for longer than a minute.
func TestHangingChannel(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h, c := hanging{make(chan string)}, &recorder{name: "c"}
		n, err := Open(dir, Options{Channels: func(account string) []Channel {
			if account == "slow" {
				return []Channel{h, c}
			}
			return []Channel{c}
		}})
		must(t, err)
		var wg sync.WaitGroup
		began := time.Now()
		wg.Go(func() {
			if err := n.Observe(context.Background(), Outcome{Account: "slow", Kind: Person, Cause: "login"}); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if took := time.Since(began); took != time.Minute {
				t.Errorf("it took %v", took)
			}
		})
		<-h.began
		must(t, n.Observe(context.Background(), Outcome{Account: "quick", Kind: Person, Cause: "login"}))
		must(t, n.Observe(context.Background(), Outcome{Account: "slow", Kind: Person, Cause: "login"}))
		if len(n.Incidents()) != 2 || len(n.Flush(context.Background())) != 0 || time.Since(began) != 0 || c.count() != 1 {
			t.Errorf("%v, %v, %v", time.Since(began), n.Incidents(), c.told())
		}
		wg.Wait()
		if c.count() != 2 {
			t.Errorf("%d notices", c.count())
		}
	})
}

// A channel that panics in Flush ends nothing, and is left alone after the second time.
func TestChannelPanics(t *testing.T) {
	c := &recorder{name: "c", fail: func(Notice) error { return errors.New("down") }}
	w := newWorld(t, c)
	if w.step("P@0s") == nil {
		t.Error("no error")
	}
	c.fail = func(Notice) error { panic("oh\n") }
	for i, step := range strings.Fields("flush@5m flush@6m flush@8m flush@20m flush@20h") {
		if err := w.step(step); (err != nil) != (i == 0 || i == 2) || err != nil && err.Error() != "a fault of popsync while account work was told about: oh" {
			t.Errorf("%s: %v", step, err)
		}
	}
	if c.tries != 3 {
		t.Errorf("%d attempts", c.tries)
	}
}

// Many that hang, side by side, and none after the caller has lost patience.
func TestFlushIsBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := hanging{make(chan string, 100)}
		down := true
		c := &recorder{name: hanging{}.Name(), fail: func(Notice) error { return errors.New("down") }}
		n, err := Open(dir, Options{Channels: func(string) []Channel {
			if down {
				return []Channel{c}
			}
			return []Channel{h}
		}})
		must(t, err)
		for i := range 20 {
			_ = n.Observe(context.Background(), Outcome{Account: fmt.Sprint("a", i), Kind: Person, Cause: "login"})
		}
		down = false
		time.Sleep(2 * time.Minute)
		ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		defer cancel()
		began := time.Now()
		if errs := n.Flush(ctx); len(errs) != 16 || len(h.began) != 16 || time.Since(began) != 90*time.Second {
			t.Errorf("%v: %d errors, %d attempts", time.Since(began), len(errs), len(h.began))
		}
	})
}
