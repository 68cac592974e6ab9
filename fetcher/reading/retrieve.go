// Package reading retrieves what the plan says, by RETR through a window of pipelined commands, and hands what came whole to those
// who settle it.
//
// Each body is written to the staging places of all destinations that need it while it comes; none is held in memory. Nothing is
// concluded from an answer before it is proven whose it is (see prover). Then a message is named, compared with known ones
// (fetcher/recognise) or handed on (fetcher/settle), a refusal is charged, and what came shorter than listed is read again by itself
// (Shorts). It publishes nothing and deletes nothing, stops in order when a destination takes nothing more, and when the conversation
// breaks it says whom to blame: the message at which it broke, unless the network alone failed.
//
// The fetcher calls it, once for each session. When Retrieve returns, all that was handed on is settled.
package reading

import (
	"context"
	"errors"
	"iter"
	"runtime/debug"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/recognise"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// errStop ends the reading in order: what was received is settled, nothing more is asked for.
var errStop = errors.New("no more messages are fetched")

// settleGrace is how long a batch may still be settled after the pass was told to end.
const settleGrace = 2500 * time.Millisecond

// Reader retrieves a session's messages: commands go out as the window allows, bodies come in order, each into the
// staging places of the destinations that need it.
type Reader struct {
	desk     *desk.Desk
	on       *desk.Session
	known    *recognise.Recogniser
	shorts   *Shorts
	prover   *prover
	staging  *staging
	space    *space
	released *released

	ctx      context.Context
	bat      *settle.Batcher
	compared int            // index in plan.fetch from which on messages are only to be compared
	begun    bool           // the answer of the message whose turn it is has begun
	from     time.Time      // when
	asked    desk.Used      // what counts against the limits, and nothing was concluded about yet
	retrs    int            // RETRs that the server answered with +OK
	unnamed  int            // of those: nameless, and not new as far as is known; what stays is read in every session
	named    map[string]int // how many nameless messages of each content were read
}

// New is a reader of one session. It retrieves nothing before there is a plan.
func New(d *desk.Desk, on *desk.Session, known *recognise.Recogniser, shorts *Shorts) *Reader {
	sp := &space{desk: d}
	st := &staging{desk: d, on: on, space: sp}
	r := &Reader{desk: d, on: on, known: known, shorts: shorts, staging: st, space: sp, released: &released{desk: d, on: on}}
	r.prover = &prover{desk: d, on: on, staging: st, shorts: shorts, conclude: r.conclude}
	return r
}

// Retrieve fetches what the plan says and settles it. On return the batches are settled, whatever the error.
func (r *Reader) Retrieve(ctx context.Context) error {
	if len(r.on.Plan.Fetch) == 0 {
		return nil
	}
	if err := r.released.lookForReleased(ctx); err != nil {
		return err
	}
	r.ctx, r.bat = ctx, settle.NewBatcher(r.desk.Options.BatchMessages, r.desk.Options.BatchBytes, r.desk.Options.BatchTime)
	r.staging.ctx, r.staging.fan = ctx, settle.NewFanout()
	r.space.measureSpace(ctx)
	r.desk.Lost.Foretell()
	r.endUndo()
	r.on.Fetched = map[int]bool{}
	settling, release := desk.Grace(ctx, settleGrace)
	defer release()
	result := make(chan error, 1)
	go func() {
		err := r.bat.Run(
			func(b *settle.Batch) error {
				return settle.Caught(func() error { r.desk.Settler.Prepare(settling, b); return nil })
			},
			func(b *settle.Batch) error {
				return settle.Caught(func() error { return r.desk.Settler.Settle(settling, b) })
			})
		if err != nil {
			r.staging.stop.Store(true)
		}
		result <- err
	}()
	r.prover.alone = !r.on.C.Pipelining()
	r.shorts.ahead = !r.prover.alone
	r.compared = slices.IndexFunc(r.on.Plan.Fetch, func(f plan.FetchStep) bool { return f.Compare })
	if r.compared < 0 {
		r.compared = len(r.on.Plan.Fetch)
	}
	err := settle.Caught(func() error { return r.ask(ctx, 0, r.compared) })
	if err == nil { // what is only to be compared may break the session: new mail is proven before
		err = settle.Caught(func() error { return r.ask(ctx, r.compared, len(r.on.Plan.Fetch)) })
	}
	if r.desk.Haul.AtLimitSize() {
		r.desk.Rec.Mention("limit_size is reached: the rest comes with the next run")
	}
	r.bat.Finish()
	serr := r.await(ctx, result)
	// The pass goes on or ends in order: from here on nobody is to be charged for having been read last.
	if lerr := r.desk.Settler.L.Reading(uidl.Key{}); serr == nil {
		serr = lerr
	}
	if settle.Unapplied(serr) {
		for _, b := range r.bat.Unsettled() {
			for _, d := range r.desk.Settler.Places {
				b.GiveUp(d, serr)
			}
		}
	}
	switch {
	case serr != nil:
		return serr // the ledger failed, or our own code: nothing else counts
	case err == nil, errors.Is(err, errStop):
		return nil
	}
	err = r.on.Pipelined(err)
	r.blame(err)
	return err
}

// ask retrieves the messages of the plan from one index up to another.
func (r *Reader) ask(ctx context.Context, from, to int) error {
	if from == to {
		return nil
	}
	return r.prove(ctx, r.on.C.Retrieve(ctx, r.items(from, to), r.handle))
}

// await waits for the settler. Nothing is outstanding on the connection meanwhile, so it is kept alive: servers log out
// who says nothing for ten minutes (RFC 1939, section 3), some sooner.
func (r *Reader) await(ctx context.Context, result <-chan error) error {
	alive := time.NewTicker(settle.KeepAlive)
	defer alive.Stop()
	for {
		select {
		case err := <-result:
			return err
		case <-alive.C:
			_ = r.on.C.Noop(ctx) // a connection that is gone shows at the next command
		}
	}
}

// items yields what to ask for, of the messages from one index up to another; the client pulls it ahead of handle, on the same goroutine.
func (r *Reader) items(from, to int) iter.Seq[pop3.Item] {
	return func(yield func(pop3.Item) bool) {
		for i := from; i < to; i++ {
			f := &r.on.Plan.Fetch[i]
			if r.over() != nil {
				return
			}
			fits, end := r.space.fits(f, r.retrs > 0)
			if end || fits && !r.mayStart(f) {
				return
			}
			if !fits {
				continue
			}
			// From here on the server may have counted it, whether or not its answer is ever looked at.
			r.on.Fetched[f.Num] = true
			if r.prover.alone && (r.desk.Turns.Suspecting || r.desk.CutFlights > 0) && r.desk.Health.Wire.Scan == 0 && i == from && !yield(pop3.Item{Num: f.Num, Ask: pop3.AskScan}) {
				return
			}
			if !yield(pop3.Item{Num: f.Num, Size: f.Size, Most: r.most(f)}) {
				return
			}
			if !r.prover.alone {
				top, scan := r.prover.asks(i)
				if top && !yield(pop3.Item{Num: f.Num, Ask: pop3.AskTop}) || scan && !yield(pop3.Item{Num: f.Num, Ask: pop3.AskScan}) {
					return
				}
			}
			for r.prover.alone && len(r.prover.want) > 0 {
				ask := r.prover.want[0]
				r.prover.want = r.prover.want[1:]
				if !yield(ask) {
					return
				}
			}
		}
	}
}

// mayStart counts a message against the person's limits and the session's; false ends the session's fetching.
func (r *Reader) mayStart(f *plan.FetchStep) bool {
	if r.retrs-r.unnamed >= r.desk.Options.SessionMessages || r.desk.Now().Sub(r.on.Started) >= r.desk.Options.SessionTime {
		r.on.Cut = true
		return false
	}
	r.retrs++
	r.unnamed += desk.Count(f.Nameless)
	isNew := f.Row.State == 0
	switch {
	case r.desk.Turns.Suspecting:
		return true
	case f.Nameless: // it counts once it was read
		return r.desk.Haul.MayCome(&r.desk.Account.Policy, f.Size, isNew)
	case !r.desk.Haul.Admit(&r.desk.Account.Policy, f.Size, isNew):
		return false
	}
	r.asked = r.asked.With(f.Size, isNew)
	return true
}

// uncount gives back to the person's limits what was asked for and not concluded.
func (r *Reader) uncount() {
	r.desk.Haul.Uncount(r.asked)
	r.asked = desk.Used{}
}

// weigh counts the octets that came in the place of those that were listed.
func (r *Reader) weigh(o *reply) {
	if o.f.Nameless || r.asked.Any == 0 {
		return
	}
	r.asked = r.asked.Less(desk.Used{}.With(o.f.Size, o.f.Row.State == 0))
	switch {
	case o.kind == refusal:
		r.desk.Haul.Weigh(o.f.Size, 0)
	case o.is.Octets > 0:
		r.desk.Haul.Weigh(o.f.Size, o.is.Octets)
	}
}

// handle takes one answer to RETR.
func (r *Reader) handle(resp pop3.Response) (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.staging.fan.Fail(settle.ErrNoBranch)
			err = &settle.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	r.on.Steps.Survived()
	if resp.Ask != pop3.AskMessage {
		return r.prover.answer(resp)
	}
	for r.on.Plan.Fetch[r.prover.next].Num != resp.Num {
		r.prover.next++ // not asked for: see items
	}
	f := &r.on.Plan.Fetch[r.prover.next]
	for _, sp := range r.space.spaces {
		defer sp.Received(f.Size)
	}
	if err := r.over(); err != nil {
		return err
	}
	r.begun, r.from = true, r.desk.Now()
	if resp.Err != nil {
		if r.prover.next >= r.compared {
			r.on.Steps.WasRefused("RETR", f.Num, resp.Err)
		}
		return r.advance(r.prover.came(reply{f: f, kind: refusal, err: resp.Err}))
	}
	if err := r.desk.Settler.L.Reading(f.Key); err != nil {
		return err
	}
	return r.advance(r.body(f, resp.Body))
}

// over tells why nothing more is taken, if so.
func (r *Reader) over() error {
	if r.staging.stop.Load() || r.desk.Settler.Halted.Load() {
		return errStop
	}
	return context.Cause(r.ctx)
}

// advance goes on to the next message, unless the one at hand ended the session.
func (r *Reader) advance(err error) error {
	if err != nil && !errors.Is(err, pop3.ErrSkip) {
		return err
	}
	r.prover.next++
	r.begun = false
	return err
}
