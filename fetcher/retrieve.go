package fetcher

import (
	"context"
	"errors"
	"iter"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// errStop ends the reading in order: what was received is settled, nothing more is asked for.
var errStop = errors.New("no more messages are fetched")

// reader retrieves a session's messages: commands go out as the window allows, bodies come in order, each into the
// staging places of the destinations that need it.
type reader struct {
	*session
	ctx    context.Context
	fan    *settle.Fanout
	bat    *settle.Batcher
	known  int       // index in plan.fetch from which on messages are only to be compared
	next   int       // index in plan.fetch of the message whose answer comes next
	begun  bool      // its answer has begun
	from   time.Time // when
	stop   atomic.Bool
	spaces []*settle.Space

	alone   bool        // one command at a time
	queue   []reply     // what is not proven yet, in the order in which it came: see proof.go
	want    []pop3.Item // to be asked next to prove it, one command at a time
	proofs  int         // answers that this still takes
	last    [32]byte    // SHA-256 of the last message
	counted int         // messages that count against the limit, and that nothing was concluded about yet
	held    int         // messages that were proven
	scans   int         // right answers to LIST n

	header *uidl.Fingerprinter
}

// retrieve fetches what the plan says and settles it. On return the batches are settled, whatever the error.
func (s *session) retrieve(ctx context.Context) error {
	if len(s.plan.Fetch) == 0 {
		return nil
	}
	if err := s.lookForReleased(ctx); err != nil {
		return err
	}
	r := &reader{session: s, ctx: ctx, fan: settle.NewFanout(), bat: settle.NewBatcher(s.o.BatchMessages, s.o.BatchBytes, s.o.BatchTime)}
	r.spaces = s.measureSpace(ctx)
	s.lost.Foretell()
	s.endUndo()
	s.fetched = map[int]bool{}
	settling, release := grace(ctx, settleGrace)
	defer release()
	result := make(chan error, 1)
	go func() {
		err := r.bat.Run(
			func(b *settle.Batch) error { return settle.Caught(func() error { s.Prepare(settling, b); return nil }) },
			func(b *settle.Batch) error { return settle.Caught(func() error { return s.Settle(settling, b) }) })
		if err != nil {
			r.stop.Store(true)
		}
		result <- err
	}()
	r.alone = !s.c.Pipelining()
	r.ahead = !r.alone
	r.known = slices.IndexFunc(s.plan.Fetch, func(f plan.FetchStep) bool { return f.Compare })
	if r.known < 0 {
		r.known = len(s.plan.Fetch)
	}
	err := settle.Caught(func() error { return r.ask(ctx, 0, r.known) })
	if err == nil { // what is only to be compared may break the session: new mail is proven before
		err = settle.Caught(func() error { return r.ask(ctx, r.known, len(s.plan.Fetch)) })
	}
	r.bat.Finish()
	serr := s.await(ctx, result)
	// The pass goes on or ends in order: from here on nobody is to be charged for having been read last.
	if lerr := s.L.Reading(uidl.Key{}); serr == nil {
		serr = lerr
	}
	if settle.Unapplied(serr) {
		for _, b := range r.bat.Unsettled() {
			for _, d := range s.Places {
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
	err = s.pipelined(err)
	r.blame(err)
	return err
}

// ask retrieves the messages of the plan from one index up to another.
func (r *reader) ask(ctx context.Context, from, to int) error {
	if from == to {
		return nil
	}
	return r.prove(ctx, r.c.Retrieve(ctx, r.items(from, to), r.handle))
}

// await waits for the settler. Nothing is outstanding on the connection meanwhile, so it is kept alive: servers log out
// who says nothing for ten minutes (RFC 1939, section 3), some sooner.
func (s *session) await(ctx context.Context, result <-chan error) error {
	alive := time.NewTicker(settle.KeepAlive)
	defer alive.Stop()
	for {
		select {
		case err := <-result:
			return err
		case <-alive.C:
			_ = s.c.Noop(ctx) // a connection that is gone shows at the next command
		}
	}
}

// items yields what to ask for, of the messages from one index up to another; the client pulls it ahead of handle, on the same goroutine.
func (r *reader) items(from, to int) iter.Seq[pop3.Item] {
	return func(yield func(pop3.Item) bool) {
		for i := from; i < to; i++ {
			f := &r.plan.Fetch[i]
			if r.over() != nil {
				return
			}
			fits, end := r.fits(f)
			if end || fits && !r.mayStart(f) {
				return
			}
			if !fits {
				continue
			}
			// From here on the server may have counted it, whether or not its answer is ever looked at: see unsettled.
			r.fetched[f.Num] = true
			if r.alone && (r.turns.Suspecting || r.shorts > 0) && r.Health.Wire.Scan == 0 && i == from && !yield(pop3.Item{Num: f.Num, Ask: pop3.AskScan}) {
				return
			}
			if !yield(pop3.Item{Num: f.Num, Size: f.Size, Most: r.most(f)}) {
				return
			}
			if !r.alone {
				top, scan := r.asks(i)
				if top && !yield(pop3.Item{Num: f.Num, Ask: pop3.AskTop}) || scan && !yield(pop3.Item{Num: f.Num, Ask: pop3.AskScan}) {
					return
				}
			}
			for r.alone && len(r.want) > 0 {
				ask := r.want[0]
				r.want = r.want[1:]
				if !yield(ask) {
					return
				}
			}
		}
	}
}

// mayStart counts a message against the person's limit and the session's; false ends the session's fetching.
func (r *reader) mayStart(f *plan.FetchStep) bool {
	if r.retrs-r.unnamed >= r.o.SessionMessages || r.now().Sub(r.started) >= r.o.SessionTime {
		r.cut = true
		return false
	}
	r.retrs++
	r.unnamed += b2i(f.Nameless)
	if f.Row.State != 0 || r.turns.Suspecting {
		return true
	}
	if !r.haul.admit(r.a.Policy.Limit, !f.Nameless) {
		return false
	}
	r.counted += b2i(!f.Nameless)
	return true
}

// uncount gives back to the person's limit what was asked for and not concluded.
func (r *reader) uncount() {
	r.haul.uncount(r.counted)
	r.counted = 0
}

// handle takes one answer to RETR.
func (r *reader) handle(resp pop3.Response) (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.fan.Fail(settle.ErrNoBranch)
			err = &settle.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	r.steps.Survived()
	if resp.Ask != pop3.AskMessage {
		return r.answer(resp)
	}
	for r.plan.Fetch[r.next].Num != resp.Num {
		r.next++ // not asked for: see items
	}
	f := &r.plan.Fetch[r.next]
	for _, sp := range r.spaces {
		defer sp.Received(f.Size)
	}
	if err := r.over(); err != nil {
		return err
	}
	r.begun, r.from = true, r.now()
	if resp.Err != nil {
		if r.next >= r.known {
			r.steps.WasRefused("RETR", f.Num, resp.Err)
		}
		return r.advance(r.came(reply{f: f, kind: refusal, err: resp.Err}))
	}
	if err := r.L.Reading(f.Key); err != nil {
		return err
	}
	return r.advance(r.body(f, resp.Body))
}

// over tells why nothing more is taken, if so.
func (r *reader) over() error {
	if r.stop.Load() || r.Halted.Load() {
		return errStop
	}
	return context.Cause(r.ctx)
}

// advance goes on to the next message, unless the one at hand ended the session.
func (r *reader) advance(err error) error {
	if err != nil && !errors.Is(err, pop3.ErrSkip) {
		return err
	}
	r.next++
	r.begun = false
	return err
}
