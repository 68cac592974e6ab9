package terminal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/terminal/terminaltest"
)

// watched runs f in a bubble with a board on a screen. f sees what was drawn after each call of wait.
func watched(t *testing.T, width, height int, f func(b *Board, s *terminaltest.Screen, wait func(time.Duration))) *terminaltest.Screen {
	t.Helper()
	s := terminaltest.New(width, height)
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard(s, s.Size, time.Now)
		f(b, s, func(d time.Duration) { time.Sleep(d); synctest.Wait() })
		b.Close()
	})
	if s.Refused() != "" {
		t.Errorf("not every terminal knows %s", s.Refused())
	}
	return s
}

func shows(t *testing.T, s *terminaltest.Screen, want ...string) {
	t.Helper()
	if got := s.Text(); got != strings.Join(want, "\n") {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestBoard(t *testing.T) {
	s := watched(t, 80, 24, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) {
		fmt.Fprintln(b, "before")
		shows(t, s, "before")
		b.Began("home")
		b.Began("a-long-name")
		wait(boardTime)
		shows(t, s, "before", "a-long-name  connecting and listing, 0s", "home         connecting and listing, 0s")
		b.Show(control.Progress{Account: "home", Messages: 1, Bytes: 1 << 20, Planned: 12, PlannedBytes: 5 << 20})
		fmt.Fprint(b, "delivered 1\ndelivered 2\n")
		wait(2*time.Second - boardTime)
		shows(t, s, "before", "delivered 1", "delivered 2",
			"a-long-name  connecting and listing, 2s",
			"home         1 of 12 messages  1.0 MiB of 5.0 MiB  512.0 KiB/s  8s left")
		b.Ended("a-long-name")
		wait(boardTime)
		shows(t, s, "before", "delivered 1", "delivered 2",
			"home  1 of 12 messages  1.0 MiB of 5.0 MiB  465.5 KiB/s  9s left")
	})
	shows(t, s, "before", "delivered 1", "delivered 2")
}

// Beside a daemon: a pass that runs already, then a wait, then the pass that was asked for, each with its own time. What waits
// for its turn comes last.
func TestBoardBesideDaemon(t *testing.T) {
	watched(t, 80, 24, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) {
		began := time.Now().Add(-time.Minute)
		b.Show(control.Progress{Account: "a", Waiting: control.TurnWait})
		b.Show(control.Progress{Account: "b", Started: began, Planned: 9, Messages: 3, Before: true})
		wait(2 * time.Second)
		shows(t, s, "b  runs already: 3 of 9 messages  0 B  0 B/s", "a  waiting for its turn, 2s")
		b.Show(control.Progress{Account: "b", Waiting: control.TurnWait})
		b.Show(control.Progress{Account: "a", Started: time.Now()})
		wait(time.Second)
		shows(t, s, "a  connecting and listing, 1s", "b  waiting for its turn, 1s")
		b.Show(control.Progress{Account: "b", Started: time.Now()})
		b.Show(control.Progress{Account: "a", Ended: true})
		wait(time.Second)
		shows(t, s, "b  connecting and listing, 1s")
	})
}

// The rate is that of the last seconds, and nothing is foretold from nothing.
func TestBoardRate(t *testing.T) {
	watched(t, 80, 24, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) {
		b.Show(control.Progress{Account: "a", Messages: 1, Bytes: 100 << 20, PlannedBytes: 200 << 20, Planned: 2})
		wait(time.Minute)
		shows(t, s, "a  1 of 2 messages  100.0 MiB of 200.0 MiB  0 B/s")
		b.Show(control.Progress{Account: "a", Messages: 1, Bytes: 110 << 20, PlannedBytes: 200 << 20, Planned: 2})
		wait(5 * time.Second)
		shows(t, s, "a  1 of 2 messages  110.0 MiB of 200.0 MiB  1.0 MiB/s  1m30s left")
		// Sizes are the server's word: more may come than it said, and it need not say any.
		b.Show(control.Progress{Account: "a", Messages: 2, Bytes: 210 << 20, PlannedBytes: 200 << 20, Planned: 2})
		wait(boardTime)
		shows(t, s, "a  2 of 2 messages  210.0 MiB of 200.0 MiB  10.8 MiB/s")
		b.Show(control.Progress{Account: "a", Messages: 2, Bytes: 210 << 20})
		wait(boardTime)
		shows(t, s, "a  2 messages  210.0 MiB  10.6 MiB/s")
	})
}

func TestBoardHasRoom(t *testing.T) {
	fill := func(b *Board, n int) {
		for i := range n {
			b.Began(fmt.Sprintf("account-%02d", i))
		}
	}
	shown := func(i int) string { return fmt.Sprintf("account-%02d  connecting and listing, 0s", i)[:29] }
	for height, want := range map[int][]string{
		24: {shown(0), shown(1), shown(2), shown(3), shown(4), shown(5), shown(6), shown(7), "and 12 more"},
		6:  {shown(0), shown(1), "and 18 more"},
		2:  {"20 accounts running"},
	} {
		s := watched(t, 30, height, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) {
			fill(b, 20)
			wait(boardTime)
			shows(t, s, want...)
			for i := range 19 {
				b.Ended(fmt.Sprintf("account-%02d", i))
			}
			wait(boardTime)
			shows(t, s, shown(19))
			b.Ended("account-19")
			b.Ended("account-19")
			wait(boardTime)
			shows(t, s, "")
		})
		shows(t, s, "")
	}
	watched(t, 80, 24, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) { // the size is not known
		b.mu.Lock()
		b.size = func() (int, int) { return 0, 0 }
		b.mu.Unlock()
		fill(b, 9)
		wait(boardTime)
		if !strings.HasSuffix(s.Text(), "\nand 1 more") {
			t.Errorf("the screen shows\n%s", s.Text())
		}
	})
}

// However fast things change, the terminal gets no more than five drawings a second, and none when nothing changes.
func TestBoardIsDrawnSeldom(t *testing.T) {
	watched(t, 80, 24, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) {
		b.Show(control.Progress{Account: "a", Messages: 1})
		wait(boardTime)
		before := s.Written()
		for i := range 10_000 {
			b.Show(control.Progress{Account: "a", Messages: i, Bytes: int64(i) * 1000})
			fmt.Fprintf(b, "delivered %d\n", i)
			wait(100 * time.Microsecond)
		}
		if n := s.Written() - before; n > 5 || !strings.Contains(s.Text(), "delivered 9000\n") {
			t.Errorf("%d drawings in a second:\n%s", n, s.Text())
		}
		b.Show(control.Progress{Account: "a", Messages: 1})
		wait(time.Minute)
		before = s.Written()
		wait(time.Minute)
		if n := s.Written() - before; n != 0 {
			t.Errorf("%d drawings although nothing changed", n)
		}
	})
}

// Who asks for a password has the terminal for himself; the log still comes out.
func TestBoardIsHeld(t *testing.T) {
	s := watched(t, 80, 24, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) {
		b.Began("a")
		wait(boardTime)
		fmt.Fprintln(b, "one")
		release := b.Hold()
		shows(t, s, "one")
		fmt.Fprint(s, "Password: ")
		wait(time.Second)
		shows(t, s, "one", "Password: ")
		fmt.Fprint(s, "\n")
		fmt.Fprintln(b, "two")
		release()
		wait(boardTime)
		shows(t, s, "one", "Password: ", "two", "a  connecting and listing, 1s")
	})
	shows(t, s, "one", "Password: ", "two")
	var none *Board
	none.Began("a")
	none.Ended("a")
	none.Hold()()
	none.Close()
}

// Whatever happens, and however the window is resized, no line of the log is lost, and without resizing nothing else is
// left on the screen.
func TestBoardLosesNoLog(t *testing.T) {
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 0))
		resizes := seed%2 == 1
		var log []string
		s := watched(t, 40, 12, func(b *Board, s *terminaltest.Screen, wait func(time.Duration)) {
			for range 60 {
				account := fmt.Sprintf("account-%d", r.IntN(14))
				switch r.IntN(6) {
				case 0, 1:
					b.Show(control.Progress{Account: account, Messages: r.IntN(1000), Bytes: r.Int64N(1 << 40), Planned: r.IntN(1000)})
				case 2:
					b.Ended(account)
				case 3:
					log = append(log, fmt.Sprintf("line %d", len(log)))
					fmt.Fprintln(b, log[len(log)-1])
				case 4:
					wait(time.Duration(r.IntN(400)) * time.Millisecond)
				case 5:
					if resizes {
						s.Resize(10+r.IntN(60), 3+r.IntN(20))
					}
				}
			}
		})
		got := strings.Split(s.Text(), "\n")
		if resizes {
			got = slices.DeleteFunc(got, func(l string) bool { return !strings.HasPrefix(l, "line ") })
		}
		if want := strings.Join(log, "\n"); strings.Join(got, "\n") != want {
			t.Fatalf("seed %d: the screen shows\n%s\nwant\n%s", seed, s.Text(), want)
		}
	}
}

func TestRowWaits(t *testing.T) {
	r := &row{Progress: control.Progress{Account: "a", Waiting: "memory"}}
	if got := r.cells(time.Now()); !strings.Contains(got[1], "waiting for memory") {
		t.Error(got)
	}
}
