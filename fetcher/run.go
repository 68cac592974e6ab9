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

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/identity"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Run makes one pass and returns what it did; it never panics and logs one line for the pass. It closes the Targets.
func Run(ctx context.Context, ledger uidl.Ledger, a Account, o Options) (rep report.Report) {
	o = o.withDefaults()
	p := newPass(a, o)
	defer func() {
		if r := recover(); r != nil {
			p.rec.Rep.Err = &settle.PanicError{Value: r, Stack: debug.Stack()}
		}
		for _, d := range p.Places {
			_ = d.Target.Close() // nothing is written by closing
		}
		rep = p.report()
		p.logPass(rep)
	}()
	p.rec.Rep.Err = p.orStopped(ctx, p.orYielded(ctx, p.run(ctx, ledger)))
	p.rec.Rep.Stopped = p.isStopped(p.rec.Rep.Err)
	return
}

// newPass is a pass that has no lease yet. o has its defaults.
func newPass(a Account, o Options) *pass {
	p := &pass{a: a, o: o, deleted: map[uidl.Key]bool{}}
	p.rec.Rep, p.rec.Tell, p.rec.Now = report.Report{Account: a.Name, Started: o.Now()}, o.Progress, o.Now
	p.Settler = &settle.Settler{Obs: p, Log: o.Log.With(zap.String("account", a.Name)), Health: remembered(a, o),
		Quarantined: map[uidl.Key]bool{}, Withheld: map[uidl.Key]bool{}, Config: settle.Config{Account: a.Name,
			DeleteQuarantined: a.DeleteQuarantined, Spool: a.Spool, DryRun: o.DryRun, Asked: o.Asked, SessionTime: o.SessionTime,
			Backoff: o.Backoff, Clock: o.Now}}
	p.ids = &identity.Destinations{Settler: p.Settler, Name: a.Name, Rec: &p.rec, Status: p.status}
	p.lost = &rebuild.Rebuilder{Settler: p.Settler, Name: a.Name, Mailbox: a.Mailbox, Rec: &p.rec, Now: o.Now, Stamp: p.stamp, Status: p.status}
	p.turns.Account, p.turns.Rec, p.turns.DryRun = p.Health, &p.rec, o.DryRun
	for _, d := range a.Destinations {
		p.Places = append(p.Places, &settle.Place{Destination: d})
	}
	return p
}

// remembered is what is remembered of an account, before the ledger is asked.
func remembered(a Account, o Options) *health.Account {
	return &health.Account{Config: health.Config{Name: a.Name, Identity: a.Setting, Login: a.Login, LoginHint: a.LoginHint,
		MinInterval: a.MinInterval, Asked: o.Asked, Named: o.Named, Backoff: o.Backoff, Now: o.Now}}
}

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.BatchMessages, 500)
	set(&o.SessionMessages, 5000)
	set(&o.Sessions, 1000)
	if o.BatchBytes == 0 {
		o.BatchBytes = 8 << 20
	}
	if o.BatchTime == 0 {
		o.BatchTime = time.Second
	}
	if o.SessionTime == 0 {
		o.SessionTime = 15 * time.Minute
	}
	if o.PassTime == 0 {
		o.PassTime = 12 * time.Hour
	}
	if o.FreeFloor == 0 {
		o.FreeFloor = 16 << 20
	}
	o.FreeFloor = max(o.FreeFloor, 0)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// run takes the lease, recovers, makes sessions until there is nothing left, and writes down how it went.
func (p *pass) run(ctx context.Context, ledger uidl.Ledger) error {
	l, err := ledger.Acquire(ctx, p.a.Name)
	if errors.Is(err, uidl.ErrBusy) {
		p.rec.Rep.Busy = true
		return p.Health.Busy(err)
	} else if err != nil {
		p.rec.Rep.NextTry = p.holdAfter(err, verdict.Verdict{})
		return err
	}
	defer l.Close()
	p.L, p.ledger, p.ids.Ledger = l, ledger, ledger
	p.Health.Facts = health.Decode(l.Info().Facts)
	if p.a.Owner != "" {
		p.Health.Owner = p.a.Owner
	}
	p.Health.Reconfigure()
	p.compareMailbox()
	if p.a.IgnoreSizes {
		p.Health.Wire.ReadAll() // or a person who says that sizes mean nothing would wait for mail all the same
	}
	if err := p.Health.Pausing(); err != nil {
		p.rec.Rep.Paused = true
		return err
	}
	if err := p.lost.DoubtLedger(ctx); err != nil {
		return err
	}
	p.enterVerifyMode()
	p.Spare()
	timed, over := p.timed(ctx)
	defer over()
	late, release := grace(timed, sendGrace)
	defer release()
	stop, halt := context.WithCancel(timed)
	defer halt()
	p.Over = ctx.Err
	p.OpenOutboxes(stop, late)
	err = p.work(timed)
	p.turns.PassTurn()
	err = p.CloseOutboxes(timed, halt, err)
	err = p.orStopped(ctx, p.outOfTime(ctx, timed, err))
	p.WeighDestinations(ctx)
	if verdict.Final(err) {
		if !verdict.Of(err).Stop {
			p.rec.Rep.NextTry = p.holdAfter(err, verdict.Verdict{})
		}
		return err
	}
	if !p.o.DryRun {
		p.countOpen(ctx)
	}
	well := p.verdictOf(err).Class == verdict.OK
	p.noteShort()
	p.rec.Rep.OnlyShort = well && p.verdictOf(err).Class != verdict.OK
	if p.o.DryRun {
		return err
	}
	var werr error
	switch {
	case err == ErrYield:
		werr = p.closeYielded(ctx)
	case p.isStopped(err):
		werr = p.closeStopped(ctx)
	case p.o.Errand && health.Untried(err):
		return p.closeErrand(ctx, err)
	default:
		werr = p.close(ctx, err)
	}
	if errors.Is(werr, uidl.ErrDoubt) {
		if next := p.holdAfter(werr, verdict.Verdict{}); next.After(p.rec.Rep.NextTry) {
			p.rec.Rep.NextTry = next
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
	if !p.o.DryRun {
		if err := p.ids.Identify(ctx); err != nil {
			return err
		}
		if err := p.moveAside(ctx); err != nil {
			return err
		}
		if err := p.Recover(ctx); err != nil {
			return err
		}
		if err := p.lost.Reconsider(ctx); err != nil {
			return err
		}
		if err := p.LoadPending(ctx); err != nil {
			return err
		}
		p.Health.Adopt = false
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
		if err := p.LoadPending(ctx); err != nil {
			return err
		}
	}
	if err := p.blocked(); err != nil {
		return err
	}
	if p.o.Errand {
		return errErrand
	}
	if err := p.Health.Barred(ctx); err != nil {
		return err
	}
	return p.sessions(ctx)
}

// sessions makes one session after another until there is nothing left to do. One that lost its connection is followed
// by another as long as each gets on (see haul.go): servers close after so many messages or minutes, and networks fail. So is one
// whose mail takes long to send: what came meanwhile is fetched, and what was sent is deleted.
func (p *pass) sessions(ctx context.Context) error {
	var lost error
	p.turns.TakeTurn()
	for n := 0; n < p.o.Sessions; n++ {
		if n > 0 && p.Health.TooSoon() {
			p.rec.Mention("the server wants time between logins: the rest comes with the next pass")
			p.turns.WeighStumble(true) // there is no other session that could tell whether it was the network
			return lost
		}
		lost = nil
		if n > 0 { // the session before has opened and settled deliveries
			if err := p.keepCarried(ctx); err != nil {
				return err
			}
			if err := p.LoadPending(ctx); err != nil {
				return err
			}
		}
		before := p.haul.sessionsBegun()
		more, err := p.bounded(ctx)
		lost = err
		switch {
		case errors.Is(err, memory.ErrNoMemory):
			return nil // what earlier sessions brought counts
		case err != nil && ctx.Err() == nil && p.turns.Stumble != nil && p.haul.sessionsBegun() > before:
			p.noteFault(err)
			p.alone = p.turns.AfterStumble() || p.alone
			p.Log.Debug("connecting again, for known mail broke the session", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil && ctx.Err() == nil && p.otherwise(err) && p.haul.mayAsk():
			p.noteFault(err)
			p.Log.Debug("connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		// One that did not come so far as to list brought nothing, whatever the one before it brought.
		case err != nil && p.haul.sessionsBegun() > before && p.haul.brought() && (verdict.Disconnected(err) || errors.Is(err, verdict.ErrOutOfStep)) && ctx.Err() == nil:
			p.noteFault(err) // the next session must know it
			lost = err
			p.Log.Debug("connection lost, connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil:
			return err
		}
		if p.turns.Purpose == health.KnownMail && len(p.turns.Load) > 1 {
			p.turns.Load = p.turns.Load[1:]
		}
		crowded := p.haul.crowded()
		if more && !crowded || p.suspectsNext() || !more && !crowded && p.turns.NextPurpose(p.elsewhere) {
			continue
		}
		idle, err := p.Drain(p.o.SessionTime, func() {})
		if err != nil || idle && !more && !crowded && !p.deletable() {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return lost
}

// mostCut is how many sessions of a pass may end because a message came with another size; the rest comes with the next pass.
const mostCut = 20

// otherwise tells that after an error the server is to be asked in another way at once: what was not proven is fetched again.
func (p *pass) otherwise(err error) bool {
	switch {
	case errors.Is(err, health.ErrNoScan):
		return true
	case errors.Is(err, errShort) && p.turns.Suspecting:
		return p.suspectsNext()
	case errors.Is(err, errShort):
		p.shorts++
		p.alone = p.alone || p.shorts > 1
		return p.shorts <= mostCut
	case p.alone, !errors.Is(err, errUnproven) && !verdict.LostStep(err) && !(verdict.Endless(err) && p.ahead):
		return false
	case errors.Is(err, errUnproven) && p.Health.Apart() > 0: // the next pass goes on, and would begin in the same way
		p.Health.NoPipeliningUntil = max(p.Health.NoPipeliningUntil, p.now().Add(health.LeastApart).Unix())
	}
	p.alone = true
	return true
}

// keepCarried commits what was carried for a commit that did not come: what was found out counts, whatever becomes of the next
// session.
func (p *pass) keepCarried(ctx context.Context) error {
	if !p.Carries() || p.o.DryRun {
		return nil
	}
	return p.Commit(ctx, uidl.Change{At: p.now().Unix(), Status: p.status()})
}

// deletable tells whether messages were delivered after their session had ended that are to be deleted. It is told once.
func (p *pass) deletable() bool {
	return p.haul.late() > 0 && p.a.Policy.Delete == plan.DeleteAfterDelivery && !p.a.NeverDelete
}

// blocked is the error of a destination that takes nothing, so that there is no point in connecting.
func (p *pass) blocked() error {
	for _, d := range p.Places {
		if err := d.StageFailure(); err != nil && !d.Optional && !d.Fallback {
			return fmt.Errorf("destination %s: %w", d.Name, err)
		}
	}
	return nil
}

// close writes down the pass, together with what was carried for a commit that did not come.
func (p *pass) close(ctx context.Context, err error) error {
	if err != nil {
		p.noteFault(err)
	}
	v := p.verdictOf(err)
	v.Hint = HintFor(p.a.Name, v.Hint)
	info := p.L.Info()
	now := p.now().Unix()
	if health.Untried(err) {
		return p.closeHeld(ctx)
	}
	p.Health.Woken, p.Health.Called = false, false
	p.remember(err)
	p.rec.Rep.NextTry = p.holdAfter(err, v)
	p.Health.OnlyOpen, p.Health.OnlyMessages = p.onlyOpen(err, v), p.onlyMessages(err, v)
	p.Health.Slow = p.o.Slow != nil && p.o.Slow(v.Class == verdict.OK)
	p.rec.Rep.Slow = p.Health.Slow
	rep := p.report()
	rep.Verdict = v // p.rep.Err is set when all of this is over
	totals, jerr := json.Marshal(rep)
	if jerr != nil {
		return jerr
	}
	st := uidl.Status{Facts: p.Health.Encode(), NextTry: health.Ceil(p.rec.Rep.NextTry)}
	ok := v.Class == verdict.OK
	if !ok {
		st.Failures, st.Verdict = info.Failures+1, v.Text()
	}
	return p.Commit(ctx, uidl.Change{
		At: now, Status: &st,
		Pass: &uidl.Pass{Started: p.rec.Rep.Started.Unix(), Ended: now, OK: ok, Verdict: st.Verdict, Totals: totals},
	})
}

// closeHeld ends a pass that asked nothing of the server: it leaves no trace but what became of destinations.
func (p *pass) closeHeld(ctx context.Context) error {
	st := p.status()
	p.rec.Rep.NextTry = time.Time{}
	if p.rec.Rep.Waiting != "" {
		if h := p.Health.Hold; h == nil || h.Why == health.WaitMemory {
			p.Health.Hold = &health.Hold{Why: health.WaitMemory, N: 1, Until: health.Ceil(p.now().Add(memoryAgain))}
		}
		st.NextTry = max(st.NextTry, health.Ceil(p.now().Add(memoryAgain)))
		st.Facts = p.Health.Encode()
	}
	if at, ok := health.Ahead(st.NextTry, p.now()); ok {
		p.rec.Rep.NextTry = at
	}
	if bytes.Equal(st.Facts, health.Decode(p.L.Info().Facts).Encode()) {
		return nil
	}
	return p.Commit(ctx, uidl.Change{Status: st})
}

// noteFault remembers what an error teaches of the server, for the next session.
func (p *pass) noteFault(err error) {
	if least := brokenPipelining(err); least > 0 {
		now := p.now()
		p.Health.NoPipeliningUntil = now.Add(p.Health.Wire.LostStep(now, least)).Unix()
	}
}

// report is the Report so far, with its verdict.
func (p *pass) report() report.Report {
	v := p.verdictOf(p.rec.Rep.Err)
	v.Hint = HintFor(p.a.Name, v.Hint)
	rep := p.rec.Sofar()
	var held *health.HeldError
	if rep.Untried = errors.As(rep.Err, &held) && !(rep.Errand && v.Class != verdict.OK); rep.Untried {
		if held.Note != "" {
			rep.Notes = append(rep.Notes, held.Note)
		}
	}
	rep.Duration = p.o.Now().Sub(rep.Started)
	rep.Verdict = v
	return rep
}
