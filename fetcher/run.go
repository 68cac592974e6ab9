// Package fetcher runs one pass over one account. In it and in its rooms pop3, uidl and deliver meet, and nowhere else.
//
// A pass settles what the last one left unfinished, lists the mailbox, plans, retrieves new messages into every
// destination through the delivery protocol (ARCHITECTURE.md), and deletes on the server what policy and the delete
// guard allow, never before the ledger has committed that it is durable everywhere.
package fetcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/identity"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/reading"
	"github.com/popsync/popsync/fetcher/recognise"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Run makes one pass and returns what it did; it never panics and logs one line for the pass. It closes the Targets.
func Run(ctx context.Context, ledger uidl.Ledger, a Account, o Options) (rep report.Report) {
	o = o.WithDefaults()
	p := newPass(a, o)
	defer func() {
		if r := recover(); r != nil {
			p.desk.Rec.Rep.Err = &settle.PanicError{Value: r, Stack: debug.Stack()}
		}
		for _, d := range p.desk.Settler.Places {
			_ = d.Target.Close() // nothing is written by closing
		}
		rep = p.closing.report()
		p.closing.logPass(rep)
	}()
	p.desk.Rec.Rep.Err = p.closing.orStopped(ctx, p.closing.orYielded(ctx, p.run(ctx, ledger)))
	p.desk.Rec.Rep.Stopped = p.closing.isStopped(p.desk.Rec.Rep.Err)
	return
}

// newPass is a pass that has no lease yet. o has its defaults.
func newPass(a Account, o Options) *pass {
	d := desk.New(a, o)
	p := &pass{desk: d, mailbox: &recognise.Mailbox{Desk: d}, shorts: &reading.Shorts{Desk: d}, closing: &closing{desk: d}}
	d.Settler.Obs = &witness{desk: d}
	p.ids = &identity.Destinations{Settler: d.Settler, Name: a.Name, Rec: &d.Rec, Status: d.Status}
	return p
}

// run takes the lease, recovers, makes sessions until there is nothing left, and writes down how it went.
func (p *pass) run(ctx context.Context, ledger uidl.Ledger) error {
	l, err := ledger.Acquire(ctx, p.desk.Account.Name)
	if errors.Is(err, uidl.ErrBusy) {
		p.desk.Rec.Rep.Busy = true
		return p.desk.Health.Busy(err)
	} else if err != nil {
		p.desk.Rec.Rep.NextTry = p.closing.holdAfter(err, verdict.Verdict{})
		return err
	}
	defer l.Close()
	p.desk.Settler.L, p.ledger, p.ids.Ledger = l, ledger, ledger
	p.desk.Health.Facts = health.Decode(l.Info().Facts)
	if p.desk.Account.Owner != "" {
		p.desk.Health.Owner = p.desk.Account.Owner
	}
	p.desk.Health.Reconfigure()
	p.mailbox.CompareMailbox()
	if p.desk.Account.IgnoreSizes {
		p.desk.Health.Wire.ReadAll() // or a person who says that sizes mean nothing would wait for mail all the same
	}
	if err := p.desk.Health.Pausing(); err != nil {
		p.desk.Rec.Rep.Paused = true
		return err
	}
	if err := p.desk.Lost.DoubtLedger(ctx); err != nil {
		return err
	}
	p.enterVerifyMode()
	p.desk.Settler.Spare()
	timed, over := p.timed(ctx)
	defer over()
	late, release := desk.Grace(timed, sendGrace)
	defer release()
	stop, halt := context.WithCancel(timed)
	defer halt()
	p.desk.Settler.Over = ctx.Err
	p.desk.Settler.OpenOutboxes(stop, late)
	err = p.work(timed)
	p.desk.Turns.PassTurn()
	err = p.desk.Settler.CloseOutboxes(timed, halt, err)
	err = p.closing.orStopped(ctx, p.closing.outOfTime(ctx, timed, err))
	p.desk.Settler.WeighDestinations(ctx)
	if verdict.Final(err) {
		if !verdict.Of(err).Stop {
			p.desk.Rec.Rep.NextTry = p.closing.holdAfter(err, verdict.Verdict{})
		}
		return err
	}
	if !p.desk.Options.DryRun {
		p.closing.countOpen(ctx)
	}
	well := p.closing.verdictOf(err).Class == verdict.OK
	p.shorts.NoteShort()
	p.desk.Rec.Rep.OnlyShort = well && p.closing.verdictOf(err).Class != verdict.OK
	if p.desk.Options.DryRun {
		return err
	}
	var werr error
	switch {
	case err == ErrYield:
		werr = p.closing.closeYielded(ctx)
	case p.closing.isStopped(err):
		werr = p.closing.closeStopped(ctx)
	case p.desk.Options.Errand && health.Untried(err):
		return p.closing.closeErrand(ctx, err)
	default:
		werr = p.closing.close(ctx, err)
	}
	if errors.Is(werr, uidl.ErrDoubt) {
		if next := p.closing.holdAfter(werr, verdict.Verdict{}); next.After(p.desk.Rec.Rep.NextTry) {
			p.desk.Rec.Rep.NextTry = next
		}
	}
	switch {
	case werr == nil:
		return err
	case err == nil:
		return werr
	case verdict.Of(werr).Stop, verdict.Final(werr) && !verdict.Worse(verdict.Of(err).Class, verdict.Temporary):
		return fmt.Errorf("%w, after: %v", werr, err) // whatever came before, the process must stop, or nobody knows what was written
	}
	return err
}

// work is the pass without its frame.
func (p *pass) work(ctx context.Context) error {
	if !p.desk.Options.DryRun {
		if err := p.ids.Identify(ctx); err != nil {
			return err
		}
		if err := p.mailbox.MoveAside(ctx); err != nil {
			return err
		}
		if err := p.desk.Settler.Recover(ctx); err != nil {
			return err
		}
		if err := p.desk.Lost.Reconsider(ctx); err != nil {
			return err
		}
		if err := p.desk.Settler.LoadPending(ctx); err != nil {
			return err
		}
		p.desk.Health.Adopt = false
		if err := p.ids.NoteAway(ctx); err != nil {
			return err
		}
		if err := p.chargeInterrupted(ctx); err != nil {
			return err
		}
	} else {
		if err := p.ids.Foresee(ctx); err != nil {
			return err
		}
		if err := p.desk.Settler.LoadPending(ctx); err != nil {
			return err
		}
	}
	if err := p.blocked(); err != nil {
		return err
	}
	if p.desk.Options.Errand {
		return errErrand
	}
	if err := p.desk.Health.Barred(ctx); err != nil {
		return err
	}
	return p.sessions(ctx)
}

// sessions makes one session after another until there is nothing left to do. One that lost its connection is followed
// by another as long as each gets on (see desk.Haul): servers close after so many messages or minutes, and networks fail. So is one
// whose mail takes long to send: what came meanwhile is fetched, and what was sent is deleted.
func (p *pass) sessions(ctx context.Context) error {
	var lost error
	p.desk.Turns.TakeTurn()
	for n := 0; n < p.desk.Options.Sessions; n++ {
		if n > 0 && p.desk.Health.TooSoon() {
			p.desk.Rec.Mention("the server wants time between logins: the rest comes with the next pass")
			p.desk.Turns.WeighStumble(true) // there is no other session that could tell whether it was the network
			return lost
		}
		lost = nil
		if n > 0 { // the session before has opened and settled deliveries
			if err := p.keepCarried(ctx); err != nil {
				return err
			}
			if err := p.desk.Settler.LoadPending(ctx); err != nil {
				return err
			}
		}
		before := p.desk.Haul.SessionsBegun()
		more, err := p.bounded(ctx, p.session)
		lost = err
		switch {
		case errors.Is(err, memory.ErrNoMemory):
			return nil // what earlier sessions brought counts
		case err != nil && ctx.Err() == nil && p.desk.Turns.Stumble != nil && p.desk.Haul.SessionsBegun() > before:
			p.closing.noteFault(err)
			p.desk.Alone = p.desk.Turns.AfterStumble() || p.desk.Alone
			p.desk.Log.Debug("connecting again, for known mail broke the session", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil && ctx.Err() == nil && p.shorts.ReadsAlone(err) && p.desk.Haul.MayAsk():
			p.closing.noteFault(err)
			p.desk.Log.Debug("connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		// One that did not come so far as to list brought nothing, whatever the one before it brought.
		case err != nil && p.desk.Haul.SessionsBegun() > before && p.desk.Haul.Brought() && (verdict.Disconnected(err) || errors.Is(err, verdict.ErrOutOfStep)) && ctx.Err() == nil:
			p.closing.noteFault(err) // the next session must know it
			lost = err
			p.desk.Log.Debug("connection lost, connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil:
			return err
		}
		if p.desk.Turns.Purpose == health.KnownMail && len(p.desk.Turns.Load) > 1 {
			p.desk.Turns.Load = p.desk.Turns.Load[1:]
		}
		crowded := p.desk.Haul.Crowded()
		if more && !crowded || p.shorts.SuspectsNext() || !more && !crowded && p.desk.Turns.NextPurpose(p.desk.Elsewhere) {
			continue
		}
		idle, err := p.desk.Settler.Drain(p.desk.Options.SessionTime, func() {})
		if err != nil || idle && !more && !crowded && !p.deletable() {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return lost
}

// keepCarried commits what was carried for a commit that did not come: what was found out counts, whatever becomes of the next
// session.
func (p *pass) keepCarried(ctx context.Context) error {
	if !p.desk.Settler.Carries() || p.desk.Options.DryRun {
		return nil
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{At: p.desk.Now().Unix(), Status: p.desk.Status()})
}

// deletable tells whether messages were delivered after their session had ended that are to be deleted. It is told once.
func (p *pass) deletable() bool {
	return p.desk.Haul.Late() > 0 && p.desk.Account.Policy.Delete == plan.DeleteAfterDelivery && !p.desk.Account.NeverDelete
}

// blocked is the error of a destination that takes nothing, so that there is no point in connecting.
func (p *pass) blocked() error {
	for _, d := range p.desk.Settler.Places {
		if err := d.StageFailure(); err != nil && !d.Optional && !d.Fallback {
			return fmt.Errorf("destination %s: %w", d.Name, err)
		}
	}
	return nil
}

// close writes down the pass, together with what was carried for a commit that did not come.
func (p *closing) close(ctx context.Context, err error) error {
	if err != nil {
		p.noteFault(err)
	}
	v := p.verdictOf(err)
	v.Hint = HintFor(p.desk.Account.Name, v.Hint)
	info := p.desk.Settler.L.Info()
	now := p.desk.Now().Unix()
	if health.Untried(err) {
		return p.closeHeld(ctx)
	}
	p.desk.Health.Woken, p.desk.Health.Called = false, false
	p.remember(err)
	p.desk.Rec.Rep.NextTry = p.holdAfter(err, v)
	p.desk.Health.OnlyOpen, p.desk.Health.OnlyMessages = p.onlyOpen(err, v), p.onlyMessages(err, v)
	p.desk.Health.Slow = p.desk.Options.Slow != nil && p.desk.Options.Slow(v.Class == verdict.OK)
	p.desk.Rec.Rep.Slow = p.desk.Health.Slow
	rep := p.report()
	rep.Verdict = v // p.rep.Err is set when all of this is over
	totals, jerr := json.Marshal(rep)
	if jerr != nil {
		return jerr
	}
	st := uidl.Status{Facts: p.desk.Health.Encode(), NextTry: health.Ceil(p.desk.Rec.Rep.NextTry)}
	ok := v.Class == verdict.OK
	if !ok {
		st.Failures, st.Verdict = info.Failures+1, v.Text()
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{
		At: now, Status: &st,
		Pass: &uidl.Pass{Started: p.desk.Rec.Rep.Started.Unix(), Ended: now, OK: ok, Verdict: st.Verdict, Totals: totals},
	})
}

// closeHeld ends a pass that asked nothing of the server: it leaves no trace but what became of destinations.
func (p *closing) closeHeld(ctx context.Context) error {
	st := p.desk.Status()
	p.desk.Rec.Rep.NextTry = time.Time{}
	if p.desk.Rec.Rep.Waiting != "" {
		if h := p.desk.Health.Hold; h == nil || h.Why == health.WaitMemory {
			p.desk.Health.Hold = &health.Hold{Why: health.WaitMemory, N: 1, Until: health.Ceil(p.desk.Now().Add(memoryAgain))}
		}
		st.NextTry = max(st.NextTry, health.Ceil(p.desk.Now().Add(memoryAgain)))
		st.Facts = p.desk.Health.Encode()
	}
	if at, ok := health.Ahead(st.NextTry, p.desk.Now()); ok {
		p.desk.Rec.Rep.NextTry = at
	}
	if bytes.Equal(st.Facts, health.Decode(p.desk.Settler.L.Info().Facts).Encode()) {
		return nil
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{Status: st})
}

// noteFault remembers what an error teaches of the server, for the next session.
func (p *closing) noteFault(err error) {
	if least := brokenPipelining(err); least > 0 {
		now := p.desk.Now()
		p.desk.Health.NoPipeliningUntil = now.Add(p.desk.Health.Wire.LostStep(now, least)).Unix()
	}
}

// report is the Report so far, with its verdict.
func (p *closing) report() report.Report {
	v := p.verdictOf(p.desk.Rec.Rep.Err)
	v.Hint = HintFor(p.desk.Account.Name, v.Hint)
	rep := p.desk.Rec.Sofar()
	var held *health.HeldError
	if rep.Untried = errors.As(rep.Err, &held) && !(rep.Errand && v.Class != verdict.OK); rep.Untried {
		if held.Note != "" {
			rep.Notes = append(rep.Notes, held.Note)
		}
	}
	rep.Duration = p.desk.Options.Now().Sub(rep.Started)
	rep.Verdict = v
	return rep
}
