package gmail

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver/gmail/gmailtest"
)

// quotaWorld is a Gmail in a bubble of fake time, at some distance.
func quotaWorld(t *testing.T, o gmailtest.Options, distance time.Duration) (*world, func() int) {
	counted := 0
	var mu sync.Mutex
	o.Fault = func(c gmailtest.Call) gmailtest.Fault {
		time.Sleep(distance)
		mu.Lock()
		defer mu.Unlock()
		if c.Kind == "import" {
			counted++
		}
		return gmailtest.Fault{}
	}
	s := gmailtest.New(o)
	s.Serve()
	w := &world{TB: t, server: s, addr: Address, copies: t.TempDir() + "/copies"}
	pacers := &Pacers{}
	w.set = func(o *Options) { o.Dial, o.Pacers, o.Connections = s.Dial, pacers, 2 }
	return w, func() int { mu.Lock(); defer mu.Unlock(); return counted }
}

// sample is how many messages are tried where all of them would be n.
func sample(n int) int {
	if os.Getenv("POPSYNC_LARGE") != "" {
		return n
	}
	return n * 3 / 10
}

// sendAll sends n messages through both lanes.
func (w *world) sendAll(s *Sender, n int) {
	next := make(chan int)
	var group sync.WaitGroup
	for range s.Lanes() {
		group.Go(func() {
			for i := range next {
				if err := w.send(s, fmt.Sprintf("m%d", i), named(i), false); err != nil {
					w.Errorf("message %d: %v", i, err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
}

// Nearly all of the quota is used, and no request is one too many, in whichever minute Gmail counts.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := quotaWorld(t, gmailtest.Options{}, 200*time.Millisecond)
		defer w.server.Close()
		s := w.open(false)
		began := time.Now()
		n := sample(2000)
		w.sendAll(s, n)
		took := time.Since(began)
		used := float64(w.server.Spent()) / (6000 * took.Minutes())
		t.Logf("%d messages in %v: %.1f%% of the quota", n, took, 100*used)
		if used < 0.95 || len(w.server.TooFast()) > 0 {
			t.Errorf("%.3f of the quota, and %d were too many", used, len(w.server.TooFast()))
		}
		if got := len(w.server.Messages()); got != n {
			t.Errorf("%d messages", got)
		}
		s.Close()
	})
}

// Where somebody has used the quota just before, Gmail is given time, and after a minute all is as usual.
func TestQuotaUsedBefore(t *testing.T) {
	for _, patient := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, _ := quotaWorld(t, gmailtest.Options{Patience: patient}, 50*time.Millisecond)
			defer w.server.Close()
			before := w.open(false)
			before.pace = (&Pacers{Minute: time.Second}).of("another process")
			w.sendAll(before, 230)
			before.Close()
			s := w.open(false)
			began := time.Now()
			w.sendAll(s, sample(1000))
			took := time.Since(began)
			late := 0
			for _, at := range w.server.TooFast() {
				if at.Sub(began) > time.Minute {
					late++
				}
			}
			t.Logf("patient %v: %v, %d refusals", patient, took, len(w.server.TooFast()))
			if late > 0 || len(w.server.TooFast()) == 0 || took > 6*time.Minute {
				t.Errorf("%d refusals, %d of them late, in %v", len(w.server.TooFast()), late, took)
			}
			if got := len(w.server.Messages()); got != sample(1000) { // those of before have the same Message-IDs
				t.Errorf("%d messages", got)
			}
			s.Close()
		})
	}
}

// Where others use half of the quota, it goes on, slower, and comes back.
func TestQuotaShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := quotaWorld(t, gmailtest.Options{Quota: 3000}, 50*time.Millisecond)
		defer w.server.Close()
		s := w.open(false)
		began := time.Now()
		w.sendAll(s, sample(1000))
		took := time.Since(began)
		t.Logf("%v, %d refusals", took, len(w.server.TooFast()))
		if took > 15*time.Minute || len(w.server.TooFast()) > 60 {
			t.Errorf("%v, %d refusals", took, len(w.server.TooFast()))
		}
		w.server.Set(func(o *gmailtest.Options) { o.Quota = 6000 })
		time.Sleep(time.Minute)
		for i := range 1200 {
			_ = w.send(s, fmt.Sprintf("more%d", i), named(2000+i), false)
		}
		if s.pace.share < 0.9 {
			t.Errorf("the pace is %.2f of what it could be", s.pace.share)
		}
		s.Close()
	})
}

// All destinations to one mailbox share a pace, and others have theirs.
func TestPacers(t *testing.T) {
	p := &Pacers{}
	if p.of(mailbox("a.b@gmail.com")) != p.of(mailbox("AB@googlemail.com")) || p.of("a@x") == p.of("b@x") {
		t.Error("paces are mixed up")
	}
}
