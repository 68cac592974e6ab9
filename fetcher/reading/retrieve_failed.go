package reading

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
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
	if f.Compare || f.Key.UID == "" || r.desk.Haul.IsSafe(f.Num) {
		// Delivered as far as anybody knows, or found to be so just now: a failed look at it changes nothing. Nameless: there is
		// nothing to charge.
		r.desk.Rec.Fails(err.Error())
		return
	}
	c := uidl.Change{At: r.desk.Now().Unix()}
	r.desk.Charge(&c, f.RowOrNew(), err.Error(), permanent)
	r.desk.Settler.Later(func(carry *uidl.Change) { *carry = settle.Merge(*carry, c) })
}

// skipLong leaves a message that turned out larger than max_size. LIST lies about it, so it would be read in vain in
// every pass; once a day is enough, unless the limit is lifted.
func (r *Reader) skipLong(f *plan.FetchStep) {
	skip := *f
	skip.Reason = plan.WhyOf(plan.ReasonTooLarge)
	r.desk.Settler.Later(func(c *uidl.Change) {
		c.At = r.desk.Now().Unix()
		if !f.Compare {
			r.desk.NoteSkipped(c, skip, r.desk.Now().Add(24*time.Hour).Unix())
		}
	})
	r.desk.Rec.Reason(plan.ReasonTooLarge)
	r.desk.Rec.Count(func(rep *report.Report) { rep.Skipped++ })
}

// blame charges the message at the head of the pipeline for an error that ended the session, unless the network alone
// failed before anything of its answer came: a server that closes, stalls or talks nonsense at one message would stop
// all behind it for ever.
func (r *Reader) blame(err error) {
	n := len(r.prover.queue)
	if r.on.Steps.Behind != nil && verdict.Disconnected(err) { // the server closed behind a step before
		r.on.Steps.ClosedAfter(r.ctx, err)
		return
	}
	if num, ok := steps.BrokeAt(err); ok && slices.ContainsFunc(r.on.Plan.Fetch[r.compared:], func(f plan.FetchStep) bool { return f.Num == num }) {
		r.on.Steps.Stumbled(r.ctx, "RETR", err)
		return
	}
	if f := r.hog(); f != nil {
		r.failed(f, fmt.Errorf("it was being read for more than %s, and the pass had to end", words.Roughly(r.desk.Options.PassTime/2)), false)
		return
	}
	if verdict.Endless(err) && !r.prover.alone {
		return // in a flight it may be another message's: it is asked for again by itself
	}
	if r.ctx.Err() != nil || errors.Is(err, ErrShort) || errors.Is(err, ErrUnproven) || errors.Is(err, health.ErrNoScan) || n == 0 && (r.prover.next >= len(r.on.Plan.Fetch) || asked(err)) {
		return
	}
	if n > 0 {
		// An answer that nothing has proven. In a flight it may be another message's; by itself it is to blame.
		if r.prover.alone && (verdict.Chargeable(err) || errors.Is(err, verdict.ErrOutOfStep)) && !(r.desk.Haul.Brought() && verdict.Disconnected(err)) {
			r.failed(r.prover.queue[n-1].f, err, false)
		}
		return
	}
	if !r.begun && !verdict.Chargeable(err) {
		return
	}
	if r.desk.Haul.Brought() && verdict.Disconnected(err) {
		return // the next session begins with this message: if it is to blame, that will show at once
	}
	r.failed(&r.on.Plan.Fetch[r.prover.next], err, false)
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

// hog is the message that was being read, or read on to its end because it is too large, when the time of the pass was over,
// and that took most of it; nil: none. Such a one is charged, or it would keep others from coming in every pass. In a flight
// it may be another's fault: the next pass is made one command at a time.
func (r *Reader) hog() *plan.FetchStep {
	n := len(r.prover.queue)
	if context.Cause(r.ctx) != desk.ErrPassTime || r.desk.Now().Sub(r.from) <= r.desk.Options.PassTime/2 {
		return nil
	}
	switch {
	case n == 0 && r.begun:
		return &r.on.Plan.Fetch[r.prover.next]
	case n > 0 && r.prover.alone && r.prover.queue[n-1].kind == tooLong:
		return r.prover.queue[n-1].f
	case n > 0 && !r.prover.alone:
		r.desk.Health.NoPipeliningUntil = max(r.desk.Health.NoPipeliningUntil, r.desk.Now().Add(health.Silent).Unix())
	}
	return nil
}

// most is how many octets a message may have, 0 for what pop3 makes of its size: where sizes say nothing, that is too little.
func (r *Reader) most(f *plan.FetchStep) int64 {
	const unlisted, listed = 1 << 30, 1 << 50
	if !r.desk.Account.IgnoreSizes && !r.desk.Health.Wire.Sizes.None {
		return 0
	}
	return unlisted + 4*min(f.Size, listed)
}
