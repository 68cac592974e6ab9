package fetcher

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// unfit is why no destination takes a message.
func (s *staging) unfit() error {
	err := settle.ErrNoBranch
	for i := range s.fan.Branches {
		err = s.fan.Branches[i].Err
		s.weigh(s.fan.Branches[i].Dest, err)
	}
	return err
}

// failed charges a message.
func (r *Reader) failed(f *plan.FetchStep, err error, permanent bool) {
	if f.Compare || f.Key.UID == "" || r.desk.haul.isSafe(f.Num) {
		// Delivered as far as anybody knows, or found to be so just now: a failed look at it changes nothing. Nameless: there is
		// nothing to charge.
		r.desk.rec.Fails(err.Error())
		return
	}
	c := uidl.Change{At: r.desk.now().Unix()}
	r.desk.charge(&c, f.RowOrNew(), err.Error(), permanent)
	r.desk.Settler.Later(func(carry *uidl.Change) { *carry = settle.Merge(*carry, c) })
}

// skipLong leaves a message that turned out larger than max_size. LIST lies about it, so it would be read in vain in
// every pass; once a day is enough, unless the limit is lifted.
func (r *Reader) skipLong(f *plan.FetchStep) {
	skip := *f
	skip.Reason = plan.ReasonTooLarge
	r.desk.Settler.Later(func(c *uidl.Change) {
		c.At = r.desk.now().Unix()
		if !f.Compare {
			r.desk.noteSkipped(c, skip, r.desk.now().Add(24*time.Hour).Unix())
		}
	})
	r.desk.rec.Reason(plan.ReasonTooLarge)
	r.desk.rec.Count(func(rep *report.Report) { rep.Skipped++ })
}

// blame charges the message at the head of the pipeline for an error that ended the session, unless the network alone
// failed before anything of its answer came: a server that closes, stalls or talks nonsense at one message would stop
// all behind it for ever.
func (r *Reader) blame(err error) {
	n := len(r.prover.queue)
	if r.on.steps.Behind != nil && verdict.Disconnected(err) { // the server closed behind a step before
		r.on.steps.ClosedAfter(r.ctx, err)
		return
	}
	if num, ok := steps.BrokeAt(err); ok && slices.ContainsFunc(r.on.plan.Fetch[r.compared:], func(f plan.FetchStep) bool { return f.Num == num }) {
		r.on.steps.Stumbled(r.ctx, "RETR", err)
		return
	}
	if f := r.hog(); f != nil {
		r.failed(f, fmt.Errorf("it was being read for more than %s, and the pass had to end", words.Roughly(r.desk.Options.PassTime/2)), false)
		return
	}
	if verdict.Endless(err) && !r.prover.alone {
		return // in a flight it may be another message's: it is asked for again by itself
	}
	if r.ctx.Err() != nil || errors.Is(err, errShort) || errors.Is(err, errUnproven) || errors.Is(err, health.ErrNoScan) || n == 0 && (r.prover.next >= len(r.on.plan.Fetch) || asked(err)) {
		return
	}
	if n > 0 {
		// An answer that nothing has proven. In a flight it may be another message's; by itself it is to blame.
		if r.prover.alone && (verdict.Chargeable(err) || errors.Is(err, verdict.ErrOutOfStep)) && !(r.desk.haul.brought() && verdict.Disconnected(err)) {
			r.failed(r.prover.queue[n-1].f, err, false)
		}
		return
	}
	if !r.begun && !verdict.Chargeable(err) {
		return
	}
	if r.desk.haul.brought() && verdict.Disconnected(err) {
		return // the next session begins with this message: if it is to blame, that will show at once
	}
	r.failed(&r.on.plan.Fetch[r.prover.next], err, false)
}

// asked tells that it was not a message at which a conversation broke, but what was asked in between.
func asked(err error) bool {
	var conn *pop3.ConnError
	var protocol *pop3.ProtocolError
	command := ""
	switch {
	case errors.As(err, &conn):
		command = conn.Command
	case errors.As(err, &protocol):
		command = protocol.Command
	}
	return command != "" && command != "RETR"
}
