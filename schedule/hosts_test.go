package schedule

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// crowd makes jobs a, b, c... on these hosts that are due one second apart from noon on, and takes each ten seconds.
func (w *world) crowd(hosts ...string) (entries []Entry) {
	for i, host := range hosts {
		e := w.entry(string(rune('a'+i)), "@every 1h", 10*time.Second)
		e.Host, e.Last = host, noon.Add(-time.Hour+time.Duration(i)*time.Second)
		entries = append(entries, e)
	}
	return entries
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		o     Options
		known int // of the host x
		hosts string
		want  string
	}{
		{Options{Parallel: 9}, 0, "x x x x", "a@0s b@1s c@2s d@3s"},
		{Options{Parallel: 2}, 0, "x x x x", "a@0s b@1s c@10s d@11s"},
		{Options{}, 0, "x y z", "a@0s b@10s c@20s"},
		{Options{Parallel: 9, PerHost: 1}, 0, "x x x y - -", "a@0s d@3s e@4s f@5s b@10s c@20s"}, // - is no host
		{Options{Parallel: 9, PerHost: 2}, 0, "x x x y y y", "a@0s b@1s d@3s e@4s c@10s f@13s"},
		{Options{Parallel: 9, PerHost: 2}, 1, "x x x y y y", "a@0s d@3s e@4s b@10s f@13s c@20s"},
		{Options{Parallel: 9, PerHost: 1}, 5, "x x", "a@0s b@10s"},
		{Options{Parallel: 9}, 1, "x x y y", "a@0s c@2s d@3s b@10s"},
		{Options{Parallel: 9, PerHost: 3}, 1, "x x x x x", "a@0s b@10s c@20s d@30s e@40s"},
		// What waits for its host doesn't lose its turn among the others: b was due before c.
		{Options{Parallel: 2, PerHost: 1}, 0, "x x y z", "a@0s c@2s b@10s d@12s"},
		{Options{Parallel: 9, HostRate: 15}, 0, "x x x y y -", "a@0s d@3s b@4s f@5s e@7s c@8s"},
		{Options{Parallel: 9, HostRate: 1}, 0, "x x - -", "a@0s c@2s d@3s b@1m0s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, noon, tt.o)
			entries := w.crowd(strings.Fields(tt.hosts)...)
			for i := range entries {
				switch entries[i].Host {
				case "-":
					entries[i].Host = ""
				case "x":
					if entries[i].PerHost = tt.known; i > 1 && tt.known > 0 {
						entries[i].PerHost++ // the least counts
					}
				}
			}
			w.loop.Set(entries)
			w.run()
			time.Sleep(2 * time.Minute)
			if got := w.story(noon); got != tt.want {
				t.Errorf("%+v, known %d, %s:\ngot  %s\nwant %s", tt.o, tt.known, tt.hosts, got, tt.want)
			}
		})
	}
}

// A backlog doesn't start faster than the rate, whatever else the clock does, and no faster after a lull.
func TestRateHoldsForABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 1000, HostRate: 30})
		var entries []Entry
		for i := range 200 {
			e := w.entry(fmt.Sprint(i), "@every 1h", time.Minute)
			e.Host = "x"
			entries = append(entries, e)
		}
		w.loop.Set(entries)
		w.run()
		time.Sleep(time.Minute)
		w.jump(decade)
		time.Sleep(time.Minute)
		w.jump(-decade)
		time.Sleep(58 * time.Minute)
		w.loop.Wake()
		time.Sleep(10 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.starts) < 400 {
			t.Errorf("%d starts", len(w.starts))
		}
		for i, s := range w.starts[1:] {
			if d := s.mono.Sub(w.starts[i].mono); d < 2*time.Second {
				t.Errorf("%s %v after another", s.name, d)
			}
		}
	})
}

func TestSetLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		w.loop.Set(w.crowd("x", "x", "x", "y", "y", "y"))
		w.run()
		time.Sleep(6 * time.Second)
		w.loop.SetLimits(9, 1, 0)
		time.Sleep(19 * time.Second)
		w.loop.SetLimits(0, 0, 0)
		time.Sleep(time.Minute)
		if got := w.story(noon); got != "a@0s d@6s b@10s e@16s c@20s f@30s" {
			t.Error(got)
		}
	})
}

// 200 jobs, of which 20 hang until their own time is over: the others are on time.
func TestHangingJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 40, PerHost: 2})
		r := rand.New(rand.NewPCG(1, 2))
		var entries []Entry
		for i := range 200 {
			e := w.entry(fmt.Sprint(i), "*/10 * * * *", time.Duration(1+r.IntN(8))*time.Second)
			e.Jitter, e.Host = 10*time.Minute, fmt.Sprint("host", i%50)
			if i%10 == 7 { // two of a host: that one is full of them
				run := w.job(e.Name, time.Hour, nil)
				e.Host = fmt.Sprint("dead", i/20)
				e.Run = func(ctx context.Context, asked bool) Result {
					ctx, cancel := context.WithTimeout(ctx, 25*time.Minute)
					defer cancel()
					run(ctx, asked)
					w.mu.Lock()
					defer w.mu.Unlock()
					return Result{NotBefore: w.wall().Add(Backoff(3, time.Minute, time.Hour, r.Float64))}
				}
			}
			entries = append(entries, e)
		}
		w.loop.Set(entries)
		w.run()
		time.Sleep(24 * time.Hour)
		for i, e := range entries {
			starts := w.of(e.Name)
			if i%10 == 7 {
				if len(starts) < 45 || len(starts) > 58 {
					t.Errorf("%s hung %d times", e.Name, len(starts))
				}
				continue
			}
			if len(starts) != 144 {
				t.Errorf("%s ran %d times", e.Name, len(starts))
			}
			off := offset(e.Name, e.Jitter)
			for k, s := range starts {
				due := noon.Add(time.Duration(k)*10*time.Minute + off)
				if late := s.at.Sub(due); late < 0 || late > 8*time.Second { // its host may be busy with another
					t.Errorf("%s was %v late", e.Name, late)
				}
			}
		}
	})
}

// With more work than places everybody gets their turn.
func TestOverloadIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 2})
		var entries []Entry
		for i := range 20 {
			entries = append(entries, w.entry(fmt.Sprint(i), fmt.Sprintf("@every %ds", 1+i), time.Minute))
		}
		w.loop.Set(entries)
		w.run()
		time.Sleep(10 * time.Hour)
		for _, e := range entries {
			if n := len(w.of(e.Name)); n < 55 || n > 65 { // 1,200 runs for 20
				t.Errorf("%s ran %d times", e.Name, n)
			}
		}
	})
}
