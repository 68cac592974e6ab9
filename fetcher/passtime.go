package fetcher

import (
	"context"
	"errors"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A pass is bounded as a whole (Options.PassTime), and may be told to make room for others (ErrYield). What was received
// completely is settled all the same, as when popsync is stopped.

// ErrYield ends a pass that made room for others and goes on later: the cause of its context's end had a method Yield that
// returned true. It is no failure, and nothing counts the worse for it: see Report.Yielded.
var ErrYield error = yieldError{}

type yieldError struct{}

func (yieldError) Error() string { return "it made room for others, and goes on in its turn" }

func (yieldError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Hint = "nothing to do: it goes on by itself"
	return v
}

// passTimeError is a pass that took all its time and has nothing to show for it.
type passTimeError struct{ most time.Duration }

func (e *passTimeError) Error() string {
	return "the pass was ended after " + words.Roughly(e.most) + ", and brought nothing in that time"
}

func (e *passTimeError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Hint = "nothing was lost, and the next pass tries again; a server that is so slow needs more time: raise limits.pass_time, or ask the provider"
	return v
}

// timed is the context of the work: it ends with ctx, or when the pass took its time.
func (p *pass) timed(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(p.desk.Options.PassTime, func() { cancel(desk.ErrPassTime) })
	return ctx, func() { t.Stop(); cancel(nil) }
}

// outOfTime judges the end of a pass whose time was over, or that made room for others: what the context's end led to is no
// error of its own. With something to show for it a pass that took its time has not failed: the next one goes on.
func (p *closing) outOfTime(ctx, timed context.Context, err error) error {
	if v := verdict.Of(err); verdict.Final(err) || v.Class != verdict.OK && v.Class != verdict.Temporary {
		return err
	}
	switch {
	case yields(context.Cause(ctx)):
		return ErrYield
	case ctx.Err() != nil || context.Cause(timed) != desk.ErrPassTime:
		return err
	}
	p.desk.Rec.Count(func(r *report.Report) { r.PassTime = true })
	if !p.advanced() {
		return &passTimeError{p.desk.Options.PassTime}
	}
	p.desk.Rec.Mention("the pass was ended after " + words.Roughly(p.desk.Options.PassTime) + ": the rest comes with the next one, which follows at once")
	return nil
}

// advanced tells whether the pass got on, its destinations included.
func (p *closing) advanced() (yes bool) {
	p.desk.Rec.Count(func(r *report.Report) { yes = r.New+r.Recovered+r.Adopted+r.Rebuilt > 0 })
	return yes || p.desk.Haul.Any()
}

// orYielded is the error of a pass, or ErrYield where making room for others led to it.
func (p *closing) orYielded(ctx context.Context, err error) error {
	if err == nil || !yields(context.Cause(ctx)) || verdict.Of(err).Class != verdict.Temporary || verdict.Final(err) {
		return err
	}
	p.desk.Rec.Count(func(r *report.Report) { r.Yielded = true })
	return ErrYield
}

func yields(cause error) bool {
	var y interface{ Yield() bool }
	return errors.As(cause, &y) && y.Yield()
}

// closeYielded writes down what was carried, and that the server wants time between logins. The pass itself is not over.
func (p *closing) closeYielded(ctx context.Context) error {
	p.remember(nil)
	st := p.desk.Status()
	if p.desk.Health.Apart() > 0 {
		p.desk.Rec.Rep.NextTry = p.holdAfter(ErrYield, verdict.Verdict{Class: verdict.OK})
		st.Facts, st.NextTry = p.desk.Health.Encode(), health.Ceil(p.desk.Rec.Rep.NextTry)
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{Status: st})
}
