package steps

import (
	"errors"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

func newTurns(apart time.Duration) *Turns {
	return &Turns{Rec: new(report.Record), Account: &health.Account{Config: health.Config{MinInterval: apart, Now: func() time.Time { return time.Unix(1e9, 0) }}}}
}

func broken(key string, sure bool) *stumble {
	return &stumble{step: "DELE", key: uidl.Key{UID: key}, sure: sure, err: &pop3.ProtocolError{Command: "DELE", Err: errors.New("nonsense")}}
}

// After a session that broke, one is for new mail; known mail comes then, and what broke sessions before comes last.
func TestTurns(t *testing.T) {
	p := newTurns(0)
	p.Stumble = broken("a", false)
	if p.AfterStumble(); p.Purpose != health.NewMail {
		t.Fatalf("after the first: %v", p.Purpose)
	}
	p.Retry = []uidl.Key{{UID: "old"}}
	for _, want := range []health.Purpose{health.KnownMail, health.OldTrouble} {
		if !p.NextPurpose(false) || p.Purpose != want {
			t.Fatalf("%v, want %v", p.Purpose, want)
		}
	}
	if p.NextPurpose(false) {
		t.Errorf("another one, for %v", p.Purpose)
	}
}

// Three sessions of a pass may end so, and no more.
func TestTurnsEnd(t *testing.T) {
	p := newTurns(0)
	for range health.MostStumbles {
		p.Stumble = broken("a", true)
		p.AfterStumble()
	}
	if p.Purpose != health.NewMail || p.NextPurpose(false) {
		t.Errorf("%v", p.Purpose)
	}
	if p.retriable() {
		t.Error("what broke a session of this pass is tried again in it")
	}
}

// Where logins must lie apart each pass has one session, and they take turns over passes.
func TestTurnsOverPasses(t *testing.T) {
	p := newTurns(time.Hour)
	p.Stumble = broken("a", false)
	p.Load = []int{3, 1, 2}
	p.AfterStumble()
	p.PassTurn()
	next := newTurns(time.Hour)
	next.Account.Facts = p.Account.Facts
	next.TakeTurn()
	if next.Purpose != health.NewMail {
		t.Fatalf("%v", next.Purpose)
	}
	next.PassTurn()
	last := newTurns(time.Hour)
	last.Account.Facts = next.Account.Facts
	if last.TakeTurn(); last.Purpose != health.KnownMail || len(last.Load) != 3 {
		t.Errorf("%v, %v", last.Purpose, last.Load)
	}
}

// A step that broke a session is charged to its message once another session shows that the network works.
func TestWeighStumble(t *testing.T) {
	p := newTurns(0)
	p.Stumble = broken("a", true)
	p.WeighStumble(true)
	m := p.Account.Stumbles.Mark(uidl.Key{UID: "a"})
	if m == nil || m.Step != "DELE" || m.Times != 1 || p.Stumble != nil {
		t.Errorf("%+v", m)
	}
	p.Stumble = broken("b", false)
	if p.WeighStumble(true); p.Account.Stumbles.Mark(uidl.Key{UID: "b"}) != nil {
		t.Error("what is not to blame for sure is charged")
	}
}
