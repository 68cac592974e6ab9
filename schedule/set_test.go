package schedule

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestSetKeepsWhatIsKnown(t *testing.T) {
	local := time.Local
	time.Local = zone(t, "America/New_York")
	t.Cleanup(func() { time.Local = local })
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 9})
		e := w.entry("a", "@every 10m", time.Second)
		e.Last, e.NotBefore = noon, noon.Add(30*time.Minute)
		w.loop.Set([]Entry{e})
		w.run()
		time.Sleep(time.Minute)
		// What only counts at first is not read again.
		again := e
		again.AtStart, again.Paused, again.Last, again.NotBefore = true, true, noon.Add(-time.Hour), time.Time{}
		w.loop.Set([]Entry{again})
		time.Sleep(30 * time.Minute)
		if got := w.story(noon); got != "a@30m0s" {
			t.Error(got)
		}
		// Another schedule counts from the last start.
		again.Schedule = parsed(t, "@every 3m")
		w.loop.Set([]Entry{again})
		time.Sleep(5*time.Minute + 10*time.Second)
		if got := w.story(noon); got != "a@33m0s a@36m0s" {
			t.Error(got)
		}
		again.Schedule, again.Location = parsed(t, "0 12 * * *"), zone(t, "Asia/Tokyo")
		w.loop.Set([]Entry{again})
		if s := w.state("a"); !s.Next.Equal(time.Date(2026, 5, 5, 3, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", s)
		}
		again.Location = time.UTC
		w.loop.Set([]Entry{again})
		again.Location = nil
		w.loop.Set([]Entry{again})
		if s := w.state("a"); !s.Next.Equal(time.Date(2026, 5, 4, 16, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", s)
		}
	})
}

// Reloading again and again doesn't put off what is to be made up for.
func TestSetAgainChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		e := w.entry("job", "0 0 * * *", time.Second)
		e.Jitter, e.Last = time.Hour, noon.Add(-48*time.Hour)
		w.loop.Set([]Entry{e})
		w.run()
		for range 120 {
			time.Sleep(time.Minute)
			w.loop.Set([]Entry{e})
		}
		if got := w.story(noon.Add(offset("job", time.Hour))); got != "job@0s" {
			t.Error(got)
		}
	})
}

func TestVersionEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		e := w.entry("a", "*/10 * * * *", 0)
		e.Run = w.job("a", 2*time.Minute, func() Result { return Result{NotBefore: w.now().Add(5 * time.Hour)} })
		w.loop.Set([]Entry{e})
		w.run()
		time.Sleep(time.Hour)
		e.Version = "new password"
		w.loop.Set([]Entry{e}) // 10 past was missed because of the old one
		time.Sleep(time.Minute)
		// What the run says that began before another change is of no interest any more.
		e.Version, e.Run = "newer password", w.job("a", 0, nil)
		w.loop.Set([]Entry{e})
		time.Sleep(19*time.Minute + time.Second)
		if got := w.story(noon); got != "a@10m0s a@1h0m0s a@1h10m0s a@1h20m0s" {
			t.Error(got)
		}
	})
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		var cause error
		e := w.entry("a", "*/10 * * * *", 0)
		run := w.job("a", time.Hour, nil)
		e.Run = func(ctx context.Context, asked bool) Result {
			defer func() { cause = context.Cause(ctx) }()
			return run(ctx, asked)
		}
		waits := w.entry("b", "*/10 * * * *", time.Minute)
		idle := w.entry("c", "0 * * * *", time.Minute)
		e.Last, waits.Last, idle.Last = noon.Add(-20*time.Minute), noon.Add(-10*time.Minute), noon
		w.loop.Set([]Entry{e, waits, idle})
		w.run()
		time.Sleep(time.Minute)
		if s := w.state("b"); !s.Waiting || !s.Since.Equal(noon) || s.Running {
			t.Errorf("%+v", s)
		}
		w.loop.Set([]Entry{idle})
		synctest.Wait()
		if !errors.Is(cause, ErrRemoved) || len(w.loop.State()) != 1 {
			t.Errorf("cause %v, %v", cause, w.loop.State())
		}
		time.Sleep(time.Hour)
		if got := w.story(noon); got != "a@0s c@1h0m0s" {
			t.Error(got)
		}
		w.loop.Set(nil)
		time.Sleep(24 * time.Hour)
		if got := w.story(noon); got != "" || len(w.loop.jobs) != 0 || len(w.loop.hosts.named) != 0 {
			t.Errorf("%s, %v %v", got, w.loop.jobs, w.loop.hosts.named)
		}
	})
}

// What is removed and comes back before its run has ended waits for that, and then makes up for it.
func TestComesBackWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 9})
		e := w.entry("a", "0 * * * *", 0)
		slow := e
		run := w.job("a", 10*time.Second, nil)
		slow.Run = func(_ context.Context, asked bool) Result { return run(context.Background(), asked) } // deaf
		w.loop.Set([]Entry{slow})
		w.run()
		time.Sleep(time.Hour + time.Second)
		w.loop.Set(nil)
		if got := w.loop.Wake("a"); len(got) != 1 || len(w.loop.State()) != 0 || w.loop.Pause("a", true) == nil {
			t.Errorf("a removed one is known: %v %v", got, w.loop.State())
		}
		w.loop.Set([]Entry{e})
		w.loop.Set(nil)
		w.loop.Wake()
		w.loop.Set([]Entry{e})
		if s := w.state("a"); !s.Running || s.Paused {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Hour)
		if got := w.story(noon); got != "a@1h0m0s a@1h0m10s a@2h0m0s a@3h0m0s" {
			t.Error(got)
		}
	})
}

func TestHostChangesWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 9, PerHost: 1})
		entries := w.crowd("x", "x", "x")
		w.loop.Set(entries)
		w.run()
		time.Sleep(5 * time.Second)
		entries[2].Host = "y"
		entries[0].Host = "z" // while it runs its place is at x
		w.loop.Set(entries)
		time.Sleep(time.Minute)
		if got := w.story(noon); got != "a@0s c@5s b@10s" {
			t.Error(got)
		}
	})
}
