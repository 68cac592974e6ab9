package rebuild

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

type listed []pop3.Entry

func (l listed) Len() int            { return len(l) }
func (l listed) At(i int) pop3.Entry { return l[i] }

// A ledger that was lost: what the Maildir shows is delivered, the rest is held back, and nothing may be deleted.
func TestRebuild(t *testing.T) {
	ctx := t.Context()
	l, err := uidltest.NewMemory().Open().Acquire(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	place := uidl.Destination{Name: "maildir", Role: uidl.Required}
	box := maildir.New(maildir.Options{Path: filepath.Join(t.TempDir(), "mail"), Host: "h"})
	defer box.Close()
	if place.Identity, err = box.Identify(ctx, ""); err != nil {
		t.Fatal(err)
	}
	deliverOne(t, box, deliver.Message{Account: "a", Token: l.Info().Token, UID: "shown"})
	if err := l.Commit(ctx, uidl.Change{At: 1e9, Destinations: []uidl.Destination{place}}); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Unix(1e9, 0) }
	s := &settle.Settler{L: l, Log: zap.NewNop(), Places: []*settle.Place{{Destination: settle.Destination{Name: "maildir", Target: box}}},
		Set: facts.NewSet([]uidl.Destination{place}, 0), Health: &health.Account{Facts: health.Facts{Verify: true}, Config: health.Config{Now: now}},
		Config: settle.Config{Account: "a", Clock: now}}
	r := &Rebuilder{Settler: s, Name: "a", Rec: new(report.Record), Now: now, Stamp: func() int64 { return 1e9 },
		Status: func() *uidl.Status { st := l.Info().Status; st.Facts = s.Health.Encode(); return &st }}
	none, err := plan.LoadRows(ctx, l, nil)
	if err != nil {
		t.Fatal(err)
	}
	list := listed{{Num: 1, Size: 9, UID: "shown", HasUID: true}, {Num: 2, Size: 9, UID: "unknown", HasUID: true}}
	rows, err := r.Rebuild(ctx, list, true, none, Look{Memory: func(int64) error { return nil }, Weak: func(int) bool { return false },
		Headers: func(context.Context, []int) (map[int]uidl.Fingerprint, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[string]uidl.State{"shown": uidl.Delivered, "unknown": uidl.Held} {
		i, ok := rows.Find(uidl.Key{UID: uid})
		if !ok || rows.Row(i).State != want {
			t.Errorf("%s: known %v, want state %v", uid, ok, want)
		}
	}
	if !r.Found || s.Health.Verify || s.Health.LostAt == 0 || r.Rec.Rep.Rebuilt != 1 || r.Rec.Rep.Unfetched != 1 {
		t.Errorf("found %v, %+v, %+v", r.Found, s.Health.Facts, r.Rec.Rep)
	}
}

func deliverOne(t *testing.T, to deliver.Target, m deliver.Message) {
	t.Helper()
	s, err := to.Create(t.Context(), m)
	if err == nil {
		_, err = io.WriteString(s, "Subject: x\r\n\r\nx\r\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Ticket()
	if err == nil {
		err = to.Prepare(t.Context(), []deliver.Ticket{ticket})
	}
	if err == nil {
		err = to.Publish(t.Context(), []deliver.Ticket{ticket})[0]
	}
	if err != nil {
		t.Fatal(err)
	}
}
