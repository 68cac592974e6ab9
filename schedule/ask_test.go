package schedule

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 9, PerHost: 1})
		entries := []Entry{w.entry("a", "0 0 * * *", 10*time.Second), w.entry("b", "0 0 * * *", 10*time.Second), w.entry("p", "0 0 * * *", 10*time.Second)}
		for i := range entries {
			entries[i].Host, entries[i].Gap, entries[i].NotBefore = "x", 2*time.Hour, noon.Add(5*time.Hour)
		}
		entries[2].Paused = true
		w.loop.Set(entries)
		w.run()
		for _, step := range []struct {
			names []string
			want  string
		}{
			{[]string{"a"}, "a!@0s"},
			{[]string{"a", "a", "nobody", "p", "nobody"}, "a!@0s p!@10s"}, // limits hold for all
			{[]string{"p"}, "p!@0s"},
		} {
			unknown := w.loop.Wake(step.names...)
			asked := w.now()
			if fmt.Sprint(unknown) != "[nobody]" && len(step.names) > 1 {
				t.Error(unknown)
			}
			time.Sleep(time.Minute)
			if got := w.story(asked); got != step.want && got != "p!@0s a!@10s" {
				t.Errorf("%v: %s, want %s", step.names, got, step.want)
			}
			if s := w.state("p"); !s.Paused || !s.Next.IsZero() {
				t.Errorf("%+v", s)
			}
		}
		// All, but the paused one.
		if unknown := w.loop.Wake(); unknown != nil {
			t.Error(unknown)
		}
		asked := w.now()
		time.Sleep(time.Minute)
		if got := w.story(asked); got != "a!@0s b!@10s" && got != "b!@0s a!@10s" {
			t.Error(got)
		}
	})
}

// Asked often, it is run once more.
func TestWakeWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		w.loop.Set(w.crowd(""))
		w.run()
		time.Sleep(5 * time.Second)
		w.loop.Wake("a")
		w.loop.Wake("a")
		time.Sleep(time.Minute)
		if got := w.story(noon); got != "a@0s a!@10s" {
			t.Error(got)
		}
	})
}

// Who waits keeps the place in the line, and the next run is the one asked for.
func TestWakeKeepsThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{})
		w.loop.Set(w.crowd("", "", ""))
		w.run()
		time.Sleep(5 * time.Second)
		w.loop.Wake("b")
		time.Sleep(time.Minute)
		if got := w.story(noon); got != "a@0s b!@10s c@20s" {
			t.Error(got)
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, noon, Options{Parallel: 1, SlowAfter: time.Hour}) // a keeps its place
		w.loop.Set([]Entry{w.entry("a", "*/10 * * * *", 15*time.Minute), w.entry("b", "15 * * * *", time.Minute)})
		w.run()
		pause := func(name string, paused bool) {
			if err := w.loop.Pause(name, paused); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(20 * time.Minute)
		pause("a", true) // it runs: left alone
		pause("b", true) // it waits
		w.loop.Wake("b")
		pause("b", true) // changes nothing
		if s := w.state("a"); !s.Running || !s.Paused || !s.Since.Equal(noon.Add(10*time.Minute)) || !s.Last.Equal(s.Since) || !s.Next.IsZero() {
			t.Errorf("%+v", s)
		}
		time.Sleep(20 * time.Minute) // 12:40
		pause("a", false)
		pause("a", false)
		time.Sleep(2*time.Hour + time.Second)
		pause("a", true)
		w.loop.Wake("a")
		pause("a", false)
		pause("a", true) // takes back what was asked
		time.Sleep(time.Hour)
		if got := w.story(noon); got != "a@10m0s b!@25m0s a@40m0s a@55m0s a@1h10m0s a@1h25m0s a@1h40m0s a@1h55m0s a@2h10m0s a@2h25m0s a@2h40m0s" {
			t.Error(got)
		}
		if err := w.loop.Pause("nobody", true); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
	})
}
