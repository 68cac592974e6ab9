package fetcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Run makes one pass and returns what it did; it never panics and logs one line for the pass. It closes the Targets.
func Run(ctx context.Context, ledger uidl.Ledger, a Account, o Options) (rep Report) {
	o = o.withDefaults()
	p := newPass(a, o)
	defer func() {
		if r := recover(); r != nil {
			p.rep.Err = &panicError{value: r, stack: debug.Stack()}
		}
		for _, d := range p.dests {
			_ = d.Target.Close() // nothing is written by closing
		}
		rep = p.report()
		p.logPass(rep)
	}()
	p.rep.Err = p.orStopped(ctx, p.orYielded(ctx, p.run(ctx, ledger)))
	p.rep.Stopped = p.isStopped(p.rep.Err)
	return
}

// newPass is a pass that has no lease yet. o has its defaults.
func newPass(a Account, o Options) *pass {
	p := &pass{a: a, o: o, deleted: map[uidl.Key]bool{}, rep: Report{Account: a.Name, Started: o.Now()}}
	p.settler = &settler{obs: p, log: o.Log.With(zap.String("account", a.Name)), health: remembered(a, o),
		quarantined: map[uidl.Key]bool{}, withheld: map[uidl.Key]bool{}, settling: settling{account: a.Name,
			deleteQuarantined: a.DeleteQuarantined, spool: a.Spool, dryRun: o.DryRun, asked: o.Asked, sessionTime: o.SessionTime,
			backoff: o.Backoff, clock: o.Now}}
	for _, d := range a.Destinations {
		p.dests = append(p.dests, &destination{Destination: d})
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
		p.rep.Busy = true
		return p.health.Busy(err)
	} else if err != nil {
		p.rep.NextTry = p.holdAfter(err, verdict.Verdict{})
		return err
	}
	defer l.Close()
	p.l, p.ledger = l, ledger
	p.health.Facts = health.Decode(l.Info().Facts)
	if p.a.Owner != "" {
		p.health.Owner = p.a.Owner
	}
	p.health.Reconfigure()
	p.compareMailbox()
	if p.a.IgnoreSizes {
		p.health.Wire.ReadAll() // or a person who says that sizes mean nothing would wait for mail all the same
	}
	if err := p.health.Pausing(); err != nil {
		p.rep.Paused = true
		return err
	}
	if err := p.doubtLedger(ctx); err != nil {
		return err
	}
	p.enterVerifyMode()
	p.spare()
	timed, over := p.timed(ctx)
	defer over()
	late, release := grace(timed, sendGrace)
	defer release()
	stop, halt := context.WithCancel(timed)
	defer halt()
	p.openOutboxes(stop, late)
	err = p.work(timed)
	p.passTurn()
	err = p.closeOutboxes(timed, halt, err)
	err = p.orStopped(ctx, p.outOfTime(ctx, timed, err))
	p.weighDestinations(ctx)
	if !p.o.DryRun && !p.verdictOf(err).Stop {
		p.countOpen(ctx)
	}
	well := p.verdictOf(err).Class == verdict.OK
	p.noteShort()
	p.rep.OnlyShort = well && p.verdictOf(err).Class != verdict.OK
	if p.o.DryRun || p.verdictOf(err).Stop {
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
	switch {
	case werr == nil:
		return err
	case err == nil:
		return werr
	case verdict.Of(werr).Stop:
		return fmt.Errorf("%w, after: %v", werr, err) // whatever came before, the process must stop
	}
	return err
}

// work is the pass without its frame.
func (p *pass) work(ctx context.Context) error {
	if !p.o.DryRun {
		if err := p.identify(ctx); err != nil {
			return err
		}
		if err := p.moveAside(ctx); err != nil {
			return err
		}
		if err := p.recover(ctx); err != nil {
			return err
		}
		if err := p.reconsider(ctx); err != nil {
			return err
		}
		if err := p.loadPending(ctx); err != nil {
			return err
		}
		p.health.Adopt = false
		if err := p.noteAway(ctx); err != nil {
			return err
		}
		if err := p.chargeInterrupted(ctx); err != nil {
			return err
		}
	} else {
		if err := p.foresee(ctx); err != nil {
			return err
		}
		if err := p.loadPending(ctx); err != nil {
			return err
		}
	}
	if err := p.blocked(); err != nil {
		return err
	}
	if p.o.Errand {
		return errErrand
	}
	if err := p.health.Barred(ctx); err != nil {
		return err
	}
	return p.sessions(ctx)
}

// sessions makes one session after another until there is nothing left to do. One that lost its connection is followed
// by another as long as each gets on (see gain.go): servers close after so many messages or minutes, and networks fail. So is one
// whose mail takes long to send: what came meanwhile is fetched, and what was sent is deleted.
func (p *pass) sessions(ctx context.Context) error {
	var lost error
	p.takeTurn()
	for n := 0; n < p.o.Sessions; n++ {
		if n > 0 && p.health.TooSoon() {
			p.mention("the server wants time between logins: the rest comes with the next pass")
			p.weighStumble(true) // there is no other session that could tell whether it was the network
			return lost
		}
		lost = nil
		if n > 0 { // the session before has opened and settled deliveries
			if err := p.keepCarried(ctx); err != nil {
				return err
			}
			if err := p.loadPending(ctx); err != nil {
				return err
			}
		}
		before := p.sessionsBegun()
		more, err := p.bounded(ctx)
		lost = err
		switch {
		case errors.Is(err, memory.ErrNoMemory):
			return nil // what earlier sessions brought counts
		case err != nil && ctx.Err() == nil && p.stumble != nil && p.sessionsBegun() > before:
			p.noteFault(err)
			p.afterStumble()
			p.log.Debug("connecting again, for known mail broke the session", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil && ctx.Err() == nil && p.otherwise(err) && p.mayAsk():
			p.noteFault(err)
			p.log.Debug("connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		// One that did not come so far as to list brought nothing, whatever the one before it brought.
		case err != nil && p.sessionsBegun() > before && p.brought() && (verdict.Disconnected(err) || errors.Is(err, errOutOfStep)) && ctx.Err() == nil:
			p.noteFault(err) // the next session must know it
			lost = err
			p.log.Debug("connection lost, connecting again", zap.String("error", words.Clip(err.Error())))
			continue
		case err != nil:
			return err
		}
		if p.purpose == health.KnownMail && len(p.load) > 1 {
			p.load = p.load[1:]
		}
		crowded := p.crowded()
		if more && !crowded || p.suspectsNext() || !more && !crowded && p.nextPurpose() {
			continue
		}
		idle, err := p.drain(p.o.SessionTime, func() {})
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
	case errors.Is(err, errShort) && p.suspecting:
		return p.suspectsNext()
	case errors.Is(err, errShort):
		p.shorts++
		p.alone = p.alone || p.shorts > 1
		return p.shorts <= mostCut
	case p.alone, !errors.Is(err, errUnproven) && !lostStep(err) && !(verdict.Endless(err) && p.ahead):
		return false
	case errors.Is(err, errUnproven) && p.health.Apart() > 0: // the next pass goes on, and would begin in the same way
		p.health.NoPipeliningUntil = max(p.health.NoPipeliningUntil, p.now().Add(health.LeastApart).Unix())
	}
	p.alone = true
	return true
}

// keepCarried commits what was carried for a commit that did not come: what was found out counts, whatever becomes of the next
// session.
func (p *pass) keepCarried(ctx context.Context) error {
	p.mu.Lock()
	empty := reflect.ValueOf(p.carry).IsZero()
	p.mu.Unlock()
	if empty || p.o.DryRun {
		return nil
	}
	return p.commit(ctx, uidl.Change{At: p.now().Unix(), Status: p.status()})
}

// crowded tells whether a remote destination's staging place was too full for all there is: it must be sent first.
func (p *pass) crowded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	crowded := p.full
	p.full = false
	return crowded
}

// deletable tells whether messages were delivered after their session had ended that are to be deleted. It is told once.
func (p *pass) deletable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	missed := p.missed
	p.missed = 0
	return missed > 0 && p.a.Policy.Delete == plan.DeleteAfterDelivery && !p.a.NeverDelete
}

// blocked is the error of a destination that takes nothing, so that there is no point in connecting.
func (p *pass) blocked() error {
	for _, d := range p.dests {
		if err := d.stageFailure(); err != nil && !d.Optional && !d.Fallback {
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
	info := p.l.Info()
	now := p.now().Unix()
	if health.Untried(err) {
		return p.closeHeld(ctx)
	}
	p.health.Woken, p.health.Called = false, false
	p.remember(err)
	p.rep.NextTry = p.holdAfter(err, v)
	p.health.OnlyOpen, p.health.OnlyMessages = p.onlyOpen(err, v), p.onlyMessages(err, v)
	p.health.Slow = p.o.Slow != nil && p.o.Slow(v.Class == verdict.OK)
	p.rep.Slow = p.health.Slow
	rep := p.report()
	rep.Verdict = v // p.rep.Err is set when all of this is over
	totals, jerr := json.Marshal(rep)
	if jerr != nil {
		return jerr
	}
	st := uidl.Status{Facts: p.health.Encode(), NextTry: health.Ceil(p.rep.NextTry)}
	ok := v.Class == verdict.OK
	if !ok {
		st.Failures, st.Verdict = info.Failures+1, v.Text()
	}
	return p.commit(ctx, uidl.Change{
		At: now, Status: &st,
		Pass: &uidl.Pass{Started: p.rep.Started.Unix(), Ended: now, OK: ok, Verdict: st.Verdict, Totals: totals},
	})
}

// closeHeld ends a pass that asked nothing of the server: it leaves no trace but what became of destinations.
func (p *pass) closeHeld(ctx context.Context) error {
	st := p.status()
	p.rep.NextTry = time.Time{}
	if p.rep.Waiting != "" {
		if h := p.health.Hold; h == nil || h.Why == health.WaitMemory {
			p.health.Hold = &health.Hold{Why: health.WaitMemory, N: 1, Until: health.Ceil(p.now().Add(memoryAgain))}
		}
		st.NextTry = max(st.NextTry, health.Ceil(p.now().Add(memoryAgain)))
		st.Facts = p.health.Encode()
	}
	if at, ok := health.Ahead(st.NextTry, p.now()); ok {
		p.rep.NextTry = at
	}
	if bytes.Equal(st.Facts, health.Decode(p.l.Info().Facts).Encode()) {
		return nil
	}
	return p.commit(ctx, uidl.Change{Status: st})
}

// noteFault remembers what an error teaches of the server, for the next session.
func (p *pass) noteFault(err error) {
	if least := brokenPipelining(err); least > 0 {
		now := p.now()
		p.health.NoPipeliningUntil = now.Add(p.health.Wire.LostStep(now, least)).Unix()
	}
}

// report is the Report so far, with its verdict.
func (p *pass) report() Report {
	v := p.verdictOf(p.rep.Err)
	v.Hint = HintFor(p.a.Name, v.Hint)
	p.mu.Lock()
	defer p.mu.Unlock()
	rep := p.rep
	rep.Notes = append(notes(rep), p.notes...)
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

// panicError is a panic of our own code, caught at the account's boundary.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("popsync panicked: %v", e.value) }

func (e *panicError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Class, v.Hint = verdict.Internal, "this is a fault of popsync: please report it; the other accounts and messages go on"
	return v
}
