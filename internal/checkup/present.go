package checkup

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/words"
)

// stopGrace is for what is stopped to end by itself.
const stopGrace = 100 * time.Millisecond

// Show is Present for a command: its error has the exit code of what was found.
func Show(ctx context.Context, w io.Writer, sheets []*Sheet, o Options, first func(), say func(string)) error {
	worst, cut, err := Present(ctx, w, sheets, o, first, say)
	switch {
	case err != nil:
		return err
	case cut:
		return exit.With(exit.Temp, exit.ErrReported)
	case worst != verdict.OK:
		return exit.With(exit.Of(worst), exit.ErrReported)
	}
	return nil
}

// Present prints the sheets on w in their order as they are filled in, and what follows from all of them: the worst of it. first is
// called after the first one. Whoever waits long is told for what, by say. When ctx ends, it prints what is known by then, and waits
// for nothing: cut tells whether something is missing. An error is one of w.
func Present(ctx context.Context, w io.Writer, sheets []*Sheet, o Options, first func(), say func(string)) (worst verdict.Class, cut bool, err error) {
	p := newScreen(w, o)
	all := make([]*Sheet, len(sheets))
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, func() { close(stopped) }) })()
	for i, s := range sheets {
		await(s, stopped, sheets, say)
		all[i] = s.Copy()
		if err := p.Sheet(all[i]); err != nil {
			return verdict.OK, false, err
		}
		if i == 0 {
			first()
		}
	}
	cut = ctx.Err() != nil && slices.ContainsFunc(all, func(s *Sheet) bool { return !s.Whole() })
	if err := p.Summary(all, cut); err != nil {
		return verdict.OK, cut, err
	}
	worst = verdict.OK
	for _, s := range all {
		if c := s.Class(); verdict.Worse(c, worst) {
			worst = c
		}
	}
	return worst, cut, nil
}

// waitingFor is how long nothing is printed until a person at a terminal is told what it waits for.
const waitingFor = 5 * time.Second

// await waits for the end of a sheet, or until what is stopped had its time to end.
func await(s *Sheet, stopped <-chan struct{}, all []*Sheet, say func(string)) {
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
			tellWaiting(all, say)
		}
	}
}

// tellWaiting names what is still being looked at.
func tellWaiting(all []*Sheet, say func(string)) {
	var names []string
	for _, s := range all {
		if s := s.Copy(); s.Begun() && !s.Whole() && s.Account() != "" {
			names = append(names, s.Account())
		}
	}
	if len(names) > 0 {
		say("still waiting for " + words.Few(names) + " ...")
	}
}
