package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/screen"
)

// present prints the sheets in their order as they are filled in, and what follows from all of them. first is called after the
// first one. When ctx ends, it prints what is known by then and waits for nothing.
func (a *app) present(ctx context.Context, sheets []*sheet, o checkOptions, first func()) error {
	p := a.newCheckScreen(len(sheets)-1, o)
	all := make([]*sheet, len(sheets))
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, func() { close(stopped) }) })()
	for i, s := range sheets {
		a.await(s, stopped, sheets)
		all[i] = s.copied()
		if err := p.sheet(all[i]); err != nil {
			return err // of standard output
		}
		if i == 0 {
			first()
		}
	}
	cut := ctx.Err() != nil && slices.ContainsFunc(all, func(s *sheet) bool { return !s.whole })
	if err := p.summary(all, cut); err != nil {
		return err // of standard output
	}
	worst := fetcher.OK
	for _, s := range all {
		if c := s.class(); fetcher.Worse(c, worst) {
			worst = c
		}
	}
	switch {
	case cut:
		return &exitError{exitTemp, errReported}
	case worst != fetcher.OK:
		return &exitError{exitOf(worst), errReported}
	}
	return nil
}

// waitingFor is how long nothing is printed until a person at a terminal is told what it waits for.
const waitingFor = 5 * time.Second

// await waits for the end of a sheet, or until what is stopped had its time to end.
func (a *app) await(s *sheet, stopped <-chan struct{}, all []*sheet) {
	for wait := waitingFor; ; wait *= 2 {
		timer := time.NewTimer(wait)
		select {
		case <-s.ended:
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
func (a *app) tellWaiting(all []*sheet) {
	if !a.errTerm || !a.asking.TryLock() {
		return
	}
	defer a.asking.Unlock()
	var names []string
	for _, s := range all {
		if s := s.copied(); s.begun && !s.whole && s.account != "" {
			names = append(names, s.account)
		}
	}
	if len(names) > 0 {
		fmt.Fprintln(a.err, screen.Wrap("still waiting for "+few(names)+" ...", "  ", 80))
	}
}
