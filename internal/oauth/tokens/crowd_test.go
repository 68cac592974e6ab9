package tokens

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// accounts of one provider, in one process.
const accounts = 200

// all asks for the tokens of all accounts at once, several times each, as passes and destinations do.
func all(t *testing.T, sources []*Source, each int) (failed []error) {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, s := range sources {
		for range each {
			group.Go(func() {
				_, err := s.Token(t.Context(), "")
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = append(failed, err)
				}
			})
		}
	}
	group.Wait()
	return failed
}

func crowd(w *world) []*Source {
	k := New(Options{Dir: w.dir})
	sources := make([]*Source, accounts)
	for i := range sources {
		sources[i] = w.of(k, fmt.Sprintf("a%03d", i))
		w.login(sources[i])
	}
	return sources
}

// All tokens end in the same moment: each is refreshed once, a few at a time.
func TestCrowd(t *testing.T) {
	bubble(t, oauthtest.Options{Rotation: oauthtest.Strict, Pause: func() { time.Sleep(200 * time.Millisecond) }}, func(t *testing.T, w *world) {
		sources := crowd(w)
		sleepFor(56 * time.Minute)
		if failed := all(t, sources, 3); len(failed) > 0 {
			t.Errorf("%d failed: %v", len(failed), failed[0])
		}
		c := w.p.Counts()
		if c.Requests != accounts || c.Together > 4 || c.AtOnce != 1 {
			t.Errorf("%+v", c)
		}
		for _, s := range sources {
			if n := w.p.Refreshes(s.user); n != 1 {
				t.Errorf("%s: %d refreshes", s.account, n)
			}
		}
	})
}

// The token endpoint is down for a day: it is asked seldom, by one at a time; everybody is told that it will pass; and once it is
// back all is well without anybody.
func TestDownForADay(t *testing.T) {
	bubble(t, oauthtest.Options{}, func(t *testing.T, w *world) {
		sources := crowd(w)
		w.p.Down(&oauthtest.Fault{Status: 503})
		sleepFor(time.Hour)
		for range 24 * 2 {
			failed := all(t, sources, 1)
			if len(failed) != accounts {
				t.Fatalf("%d failed", len(failed))
			}
			for _, err := range failed {
				var e *oauth.Error
				if !errors.As(err, &e) || e.Class != oauth.Temporary {
					t.Fatal(err)
				}
			}
			sleepFor(30 * time.Minute)
		}
		if n := w.p.Counts().Requests; n < 24 || n > 100 {
			t.Errorf("asked %d times in a day", n)
		}
		w.p.Down(nil)
		began := time.Now()
		for len(all(t, sources, 1)) > 0 {
			sleepFor(time.Minute)
		}
		if took := time.Since(began); took > 35*time.Minute {
			t.Errorf("took %v to recover", took)
		}
	})
}

// One login that ended says nothing of the others.
func TestOneEnded(t *testing.T) {
	bubble(t, oauthtest.Options{Rotation: oauthtest.Strict}, func(t *testing.T, w *world) {
		k := New(Options{Dir: w.dir})
		one, other := w.of(k, "one"), w.of(k, "other")
		w.login(one)
		w.p.End()
		w.login(other)
		sleepFor(time.Hour)
		for range 20 {
			w.bad(one, oauth.Temporary)
			w.good(other, "")
			sleepFor(time.Minute)
		}
	})
}

// Who waits for a token that another one refreshes can be stopped, and a stop does not throw away an answer that is on its way.
func TestStopped(t *testing.T) {
	bubble(t, oauthtest.Options{Rotation: oauthtest.Strict, Pause: func() { time.Sleep(3 * time.Second) }}, func(t *testing.T, w *world) {
		s := w.source("work")
		w.login(s)
		sleepFor(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := s.Token(ctx, ""); err != nil {
				t.Errorf("the answer was thrown away: %v", err)
			}
		})
		synctest.Wait()
		waiting, stop := context.WithCancel(t.Context())
		group.Go(func() {
			if _, err := s.Token(waiting, ""); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
		synctest.Wait()
		stop()
		cancel()
		group.Wait()
		w.good(w.source("work"), "")
		if c := w.p.Counts(); c.Refreshes != 1 || c.Refused != 0 {
			t.Errorf("%+v", c)
		}
	})
}
