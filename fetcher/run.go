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
			p.desk.rec.Rep.Err = &settle.PanicError{Value: r, Stack: debug.Stack()}
		}
		for _, d := range p.desk.Settler.Places {
			_ = d.Target.Close() // nothing is written by closing
		}
		rep = p.closing.report()
		p.closing.logPass(rep)
	}()
	p.desk.rec.Rep.Err = p.closing.orStopped(ctx, p.closing.orYielded(ctx, p.run(ctx, ledger)))
	p.desk.rec.Rep.Stopped = p.closing.isStopped(p.desk.rec.Rep.Err)
	return
}

// newPass is a pass that has no lease yet. o has its defaults.
func newPass(a Account, o Options) *pass {
	d := newDesk(a, o)
	p := &pass{desk: d, mailbox: &Mailbox{desk: d}, shorts: &Shorts{desk: d}, closing: &closing{desk: d}}
	d.Settler.Obs = &witness{desk: d}
	p.ids = &identity.Destinations{Settler: d.Settler, Name: a.Name, Rec: &d.rec, Status: d.status}
	return p
}

// newDesk is a desk without a lease, on which nobody has worked. The Witness is missing.
func newDesk(a Account, o Options) *Desk {
	d := &Desk{Account: a, Options: o, deleted: map[uidl.Key]bool{}, Health: remembered(a, o), Log: o.Log.With(zap.String("account", a.Name))}
	d.rec.Rep, d.rec.Tell, d.rec.Now = report.Report{Account: a.Name, Started: o.Now()}, o.Progress, o.Now
	d.Settler = &settle.Settler{Log: d.Log, Health: d.Health,
		Quarantined: map[uidl.Key]bool{}, Withheld: map[uidl.Key]bool{}, Config: settle.Config{Account: a.Name,
			DeleteQuarantined: a.DeleteQuarantined, Spool: a.Spool, DryRun: o.DryRun, Asked: o.Asked, SessionTime: o.SessionTime,
			Backoff: o.Backoff, Clock: o.Now}}
	d.lost = &rebuild.Rebuilder{Settler: d.Settler, Name: a.Name, Mailbox: a.Mailbox, Rec: &d.rec, Now: o.Now, Stamp: d.stamp, Status: d.status}
	d.turns.Account, d.turns.Rec, d.turns.DryRun = d.Health, &d.rec, o.DryRun
	for _, dest := range a.Destinations {
		d.Settler.Places = append(d.Settler.Places, &settle.Place{Destination: dest})
	}
	return d
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
	l, err := ledger.Acquire(ctx, p.desk.Account.Name)
	if errors.Is(err, uidl.ErrBusy) {
		p.desk.rec.Rep.Busy = true
		return p.desk.Health.Busy(err)
	} else if err != nil {
		p.desk.rec.Rep.NextTry = p.closing.holdAfter(err, verdict.Verdict{})
		return err
	}
	defer l.Close()
	p.desk.Settler.L, p.ledger, p.ids.Ledger = l, ledger, ledger
	p.desk.Health.Facts = health.Decode(l.Info().Facts)
	if p.desk.Account.Owner != "" {
		p.desk.Health.Owner = p.desk.Account.Owner
	}
	p.desk.Health.Reconfigure()
	p.mailbox.compareMailbox()
	if p.desk.Account.IgnoreSizes {
		p.desk.Health.Wire.ReadAll() // or a person who says that sizes mean nothing would wait for mail all the same
	}
	if err := p.desk.Health.Pausing(); err != nil {
		p.desk.rec.Rep.Paused = true
		return err
	}
	if err := p.desk.lost.DoubtLedger(ctx); err != nil {
		return err
	}
	p.enterVerifyMode()
	p.desk.Settler.Spare()
	timed, over := p.timed(ctx)
	defer over()
	late, release := grace(timed, sendGrace)
	defer release()
	stop, halt := context.WithCancel(timed)
	defer halt()
	p.desk.Settler.Over = ctx.Err
	p.desk.Settler.OpenOutboxes(stop, late)
	err = p.work(timed)
	p.desk.turns.PassTurn()
	err = p.desk.Settler.CloseOutboxes(timed, halt, err)
	err = p.closing.orStopped(ctx, p.closing.outOfTime(ctx, timed, err))
	p.desk.Settler.WeighDestinations(ctx)
	if verdict.Final(err) {
		if !verdict.Of(err).Stop {
			p.desk.rec.Rep.NextTry = p.closing.holdAfter(err, verdict.Verdict{})
		}
		return err
	}
	if !p.desk.Options.DryRun {
		p.closing.countOpen(ctx)
	}
	well := p.closing.verdictOf(err).Class == verdict.OK
	p.shorts.noteShort()
	p.desk.rec.Rep.OnlyShort = well && p.closing.verdictOf(err).Class != verdict.OK
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
		if next := p.closing.holdAfter(werr, verdict.Verdict{}); next.After(p.desk.rec.Rep.NextTry) {
			p.desk.rec.Rep.NextTry = next
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
		if err := p.mailbox.moveAside(ctx); err != nil {
			return err
		}
		if err := p.desk.Settler.Recover(ctx); err != nil {
			return err
		}
		if err := p.desk.lost.Reconsider(ctx); err != nil {
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
// by another as long as each gets on (see haul.go): servers close after so many messages or minutes, and networks fail. So is one
// whose mail takes long to send: what came meanwhile is fetched, and what was sent is deleted.
func (p *pass) sessions(ctx context.Context) error {
	var lost error
	p.desk.turns.TakeTurn()
	for n := 0; n < p.desk.Options.Sessions; n++ {
		if n > 0 && p.desk.Health.TooSoon() {
			p.desk.rec.Mention("the server wants time between logins: the rest comes with the next pass")
			p.desk.turns.WeighStumble(true) // there is no other session that could tell whether it was the network
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
		before := p.desk.haul.sessionsBegun()
		more, err := p.bounded(ctx)
		lost = err
		switch {
		case errors.Is(err, memory.ErrNoMemory):
			return nil // what earlier sessions brought counts
		case err != nil && ctx.Err() == nil && p.desk.turns.Stumble != nil && p.desk.haul.sessionsBegun() > before:
			p.closing.noteFault(err)
			p.desk.alone = p.desk.turns.AfterStumble() || p.desk.alone
			p.desk.Log.Debug("connecting again, for known mail broke the session", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil && ctx.Err() == nil && p.shorts.otherwise(err) && p.desk.haul.mayAsk():
			p.closing.noteFault(err)
			p.desk.Log.Debug("connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		// One that did not come so far as to list brought nothing, whatever the one before it brought.
		case err != nil && p.desk.haul.sessionsBegun() > before && p.desk.haul.brought() && (verdict.Disconnected(err) || errors.Is(err, verdict.ErrOutOfStep)) && ctx.Err() == nil:
			p.closing.noteFault(err) // the next session must know it
			lost = err
			p.desk.Log.Debug("connection lost, connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil:
			return err
		}
		if p.desk.turns.Purpose == health.KnownMail && len(p.desk.turns.Load) > 1 {
			p.desk.turns.Load = p.desk.turns.Load[1:]
		}
		crowded := p.desk.haul.crowded()
		if more && !crowded || p.shorts.suspectsNext() || !more && !crowded && p.desk.turns.NextPurpose(p.desk.elsewhere) {
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

// mostCut is how many sessions of a pass may end because a message came with another size; the rest comes with the next pass.
const mostCut = 20

// otherwise tells that after an error the server is to be asked in another way at once: what was not proven is fetched again.
func (x *Shorts) otherwise(err error) bool {
	switch {
	case errors.Is(err, health.ErrNoScan):
		return true
	case errors.Is(err, errShort) && x.desk.turns.Suspecting:
		return x.suspectsNext()
	case errors.Is(err, errShort):
		x.desk.cutFlights++
		x.desk.alone = x.desk.alone || x.desk.cutFlights > 1
		return x.desk.cutFlights <= mostCut
	case x.desk.alone, !errors.Is(err, errUnproven) && !verdict.LostStep(err) && !(verdict.Endless(err) && x.ahead):
		return false
	case errors.Is(err, errUnproven) && x.desk.Health.Apart() > 0: // the next pass goes on, and would begin in the same way
		x.desk.Health.NoPipeliningUntil = max(x.desk.Health.NoPipeliningUntil, x.desk.now().Add(health.LeastApart).Unix())
	}
	x.desk.alone = true
	return true
}

// keepCarried commits what was carried for a commit that did not come: what was found out counts, whatever becomes of the next
// session.
func (p *pass) keepCarried(ctx context.Context) error {
	if !p.desk.Settler.Carries() || p.desk.Options.DryRun {
		return nil
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{At: p.desk.now().Unix(), Status: p.desk.status()})
}

// deletable tells whether messages were delivered after their session had ended that are to be deleted. It is told once.
func (p *pass) deletable() bool {
	return p.desk.haul.late() > 0 && p.desk.Account.Policy.Delete == plan.DeleteAfterDelivery && !p.desk.Account.NeverDelete
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
	now := p.desk.now().Unix()
	if health.Untried(err) {
		return p.closeHeld(ctx)
	}
	p.desk.Health.Woken, p.desk.Health.Called = false, false
	p.remember(err)
	p.desk.rec.Rep.NextTry = p.holdAfter(err, v)
	p.desk.Health.OnlyOpen, p.desk.Health.OnlyMessages = p.onlyOpen(err, v), p.onlyMessages(err, v)
	p.desk.Health.Slow = p.desk.Options.Slow != nil && p.desk.Options.Slow(v.Class == verdict.OK)
	p.desk.rec.Rep.Slow = p.desk.Health.Slow
	rep := p.report()
	rep.Verdict = v // p.rep.Err is set when all of this is over
	totals, jerr := json.Marshal(rep)
	if jerr != nil {
		return jerr
	}
	st := uidl.Status{Facts: p.desk.Health.Encode(), NextTry: health.Ceil(p.desk.rec.Rep.NextTry)}
	ok := v.Class == verdict.OK
	if !ok {
		st.Failures, st.Verdict = info.Failures+1, v.Text()
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{
		At: now, Status: &st,
		Pass: &uidl.Pass{Started: p.desk.rec.Rep.Started.Unix(), Ended: now, OK: ok, Verdict: st.Verdict, Totals: totals},
	})
}

// closeHeld ends a pass that asked nothing of the server: it leaves no trace but what became of destinations.
func (p *closing) closeHeld(ctx context.Context) error {
	st := p.desk.status()
	p.desk.rec.Rep.NextTry = time.Time{}
	if p.desk.rec.Rep.Waiting != "" {
		if h := p.desk.Health.Hold; h == nil || h.Why == health.WaitMemory {
			p.desk.Health.Hold = &health.Hold{Why: health.WaitMemory, N: 1, Until: health.Ceil(p.desk.now().Add(memoryAgain))}
		}
		st.NextTry = max(st.NextTry, health.Ceil(p.desk.now().Add(memoryAgain)))
		st.Facts = p.desk.Health.Encode()
	}
	if at, ok := health.Ahead(st.NextTry, p.desk.now()); ok {
		p.desk.rec.Rep.NextTry = at
	}
	if bytes.Equal(st.Facts, health.Decode(p.desk.Settler.L.Info().Facts).Encode()) {
		return nil
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{Status: st})
}

// noteFault remembers what an error teaches of the server, for the next session.
func (p *closing) noteFault(err error) {
	if least := brokenPipelining(err); least > 0 {
		now := p.desk.now()
		p.desk.Health.NoPipeliningUntil = now.Add(p.desk.Health.Wire.LostStep(now, least)).Unix()
	}
}

// report is the Report so far, with its verdict.
func (p *closing) report() report.Report {
	v := p.verdictOf(p.desk.rec.Rep.Err)
	v.Hint = HintFor(p.desk.Account.Name, v.Hint)
	rep := p.desk.rec.Sofar()
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
