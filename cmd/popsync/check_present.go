package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/screen"
)

// present prints the sheets in their order as they are filled in, and what follows from all of them. first is called after the
// first one. When ctx ends, it prints what is known by then and waits for nothing.
func (a *app) present(ctx context.Context, sheets []*checkup.Sheet, o checkOptions, first func()) error {
	width := 0
	if a.outTerm {
		width, _ = a.outSize()
	}
	p := checkup.NewScreen(a.out, checkup.Options{
		Accounts: len(sheets) - 1, Width: width, Verbose: o.verbose, JSON: o.asJSON, Offline: o.offline, Trial: o.alarm,
	})
	all := make([]*checkup.Sheet, len(sheets))
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, func() { close(stopped) }) })()
	for i, s := range sheets {
		a.await(s, stopped, sheets)
		all[i] = s.Copy()
		if err := p.Sheet(all[i]); err != nil {
			return err // of standard output
		}
		if i == 0 {
			first()
		}
	}
	cut := ctx.Err() != nil && slices.ContainsFunc(all, func(s *checkup.Sheet) bool { return !s.Whole() })
	if err := p.Summary(all, cut); err != nil {
		return err // of standard output
	}
	worst := verdict.OK
	for _, s := range all {
		if c := s.Class(); verdict.Worse(c, worst) {
			worst = c
		}
	}
	switch {
	case cut:
		return &exitError{exitTemp, errReported}
	case worst != verdict.OK:
		return &exitError{exitOf(worst), errReported}
	}
	return nil
}

// waitingFor is how long nothing is printed until a person at a terminal is told what it waits for.
const waitingFor = 5 * time.Second

// await waits for the end of a sheet, or until what is stopped had its time to end.
func (a *app) await(s *checkup.Sheet, stopped <-chan struct{}, all []*checkup.Sheet) {
	for wait := waitingFor; ; wait *= 2 {
		timer := time.NewTimer(wait)
		select {
		case <-s.Ended():
			timer.Stop()
			return
		case <-stopped:
			timer.Stop()
			return
		case <-timer.C:
			a.tellWaiting(all)
		}
	}
}

// tellWaiting names what is still being looked at, on a terminal where nobody is being asked for something.
func (a *app) tellWaiting(all []*checkup.Sheet) {
	if !a.errTerm || !a.asking.TryLock() {
		return
	}
	defer a.asking.Unlock()
	var names []string
	for _, s := range all {
		if s := s.Copy(); s.Begun() && !s.Whole() && s.Account() != "" {
			names = append(names, s.Account())
		}
	}
	if len(names) > 0 {
		fmt.Fprintln(a.err, screen.Wrap("still waiting for "+few(names)+" ...", "  ", 80))
	}
}
