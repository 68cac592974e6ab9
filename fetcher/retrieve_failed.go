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
func (r *reader) unfit() error {
	err := settle.ErrNoBranch
	for i := range r.fan.Branches {
		err = r.fan.Branches[i].Err
		r.weigh(r.fan.Branches[i].Dest, err)
	}
	return err
}

// failed charges a message.
func (s *session) failed(f *plan.FetchStep, err error, permanent bool) {
	if f.Compare || f.Key.UID == "" || s.haul.isSafe(f.Num) {
		// Delivered as far as anybody knows, or found to be so just now: a failed look at it changes nothing. Nameless: there is
		// nothing to charge.
		s.rec.Fails(err.Error())
		return
	}
	c := uidl.Change{At: s.now().Unix()}
	s.charge(&c, f.RowOrNew(), err.Error(), permanent)
	s.Later(func(carry *uidl.Change) { *carry = settle.Merge(*carry, c) })
}

// skipLong leaves a message that turned out larger than max_size. LIST lies about it, so it would be read in vain in
// every pass; once a day is enough, unless the limit is lifted.
func (r *reader) skipLong(f *plan.FetchStep) {
	skip := *f
	skip.Reason = plan.ReasonTooLarge
	r.Later(func(c *uidl.Change) {
		c.At = r.now().Unix()
		if !f.Compare {
			r.noteSkipped(c, skip, r.now().Add(24*time.Hour).Unix())
		}
	})
	r.rec.Reason(plan.ReasonTooLarge)
	r.rec.Count(func(rep *report.Report) { rep.Skipped++ })
}

// blame charges the message at the head of the pipeline for an error that ended the session, unless the network alone
// failed before anything of its answer came: a server that closes, stalls or talks nonsense at one message would stop
// all behind it for ever.
func (r *reader) blame(err error) {
	n := len(r.queue)
	if r.steps.Behind != nil && verdict.Disconnected(err) { // the server closed behind a step before
		r.steps.ClosedAfter(r.ctx, err)
		return
	}
	if num, ok := steps.BrokeAt(err); ok && slices.ContainsFunc(r.plan.Fetch[r.known:], func(f plan.FetchStep) bool { return f.Num == num }) {
		r.steps.Stumbled(r.ctx, "RETR", err)
		return
	}
	if f := r.hog(); f != nil {
		r.failed(f, fmt.Errorf("it was being read for more than %s, and the pass had to end", words.Roughly(r.o.PassTime/2)), false)
		return
	}
	if verdict.Endless(err) && !r.alone {
		return // in a flight it may be another message's: it is asked for again by itself
	}
	if r.ctx.Err() != nil || errors.Is(err, errShort) || errors.Is(err, errUnproven) || errors.Is(err, health.ErrNoScan) || n == 0 && (r.next >= len(r.plan.Fetch) || asked(err)) {
		return
	}
	if n > 0 {
		// An answer that nothing has proven. In a flight it may be another message's; by itself it is to blame.
		if r.alone && (verdict.Chargeable(err) || errors.Is(err, verdict.ErrOutOfStep)) && !(r.haul.brought() && verdict.Disconnected(err)) {
			r.failed(r.queue[n-1].f, err, false)
		}
		return
	}
	if !r.begun && !verdict.Chargeable(err) {
		return
	}
	if r.haul.brought() && verdict.Disconnected(err) {
		return // the next session begins with this message: if it is to blame, that will show at once
	}
	r.failed(&r.plan.Fetch[r.next], err, false)
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
