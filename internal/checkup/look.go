package checkup

import (
	"context"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/schedule"
)

// Look is one look at a configuration and its accounts.
type Look struct {
	General  func(s *Sheet) // looks at what belongs to no account
	Between  func()         // is called when that has ended, and waited for; nil: nothing is
	Accounts []Account      // are looked at then, side by side
	Parallel int            // how many at once
	PerHost  int            // and at one host; 0: any number
}

// Account is one to look at.
type Account struct {
	Name         string
	Host         string // of its server; "": none is asked
	Destinations []Seen // in the order of the configuration; Result is not looked at
	Look         func(ctx context.Context, s *Sheet)
}

// neverMoved: no look gives its place to others.
const neverMoved = 1000 * time.Hour

// Begin begins a look. The sheets, the general one first, are filled in until each has ended; then there may still be one that
// never began, because ctx has ended.
func Begin(ctx context.Context, l Look) []*Sheet {
	sheets := []*Sheet{newSheet(ctx, "")}
	for _, acc := range l.Accounts {
		sheets = append(sheets, newSheet(ctx, acc.Name, acc.Destinations...))
	}
	go l.fill(ctx, sheets[0], sheets[1:])
	return sheets
}

func (l Look) fill(ctx context.Context, general *Sheet, sheets []*Sheet) {
	general.begin()
	guarded(general, func() { l.General(general) })
	general.end()
	if l.Between != nil {
		l.Between()
	}
	jobs := make([]schedule.Job, len(l.Accounts))
	for i, acc := range l.Accounts {
		s := sheets[i]
		jobs[i] = schedule.Job{Host: acc.Host, Run: func(ctx context.Context) error {
			s.begin()
			defer s.end()
			guarded(s, func() { acc.Look(ctx, s) })
			return nil
		}}
	}
	schedule.Parallel(ctx, schedule.Options{Parallel: l.Parallel, PerHost: l.PerHost, SlowAfter: neverMoved}, jobs)
	for _, s := range sheets {
		select {
		case <-s.ended:
		default:
			s.end() // it never began
		}
	}
}

// guarded makes a finding of a panic: it must not keep the others from being looked at.
func guarded(s *Sheet, f func()) {
	defer func() {
		if r := recover(); r != nil {
			s.Fail(PartConfiguration, verdict.Internal, fmt.Sprintf("popsync panicked: %v", r), "this is a fault of popsync: please report it")
		}
	}()
	f()
}
