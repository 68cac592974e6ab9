package fetcher

import (
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// none deals with a message that no destination takes.
func (r *reader) none(f *fetchStep) error {
	err := fmt.Errorf("no destination")
	for i := range r.fan.branches {
		err = r.fan.branches[i].err
		r.weigh(r.fan.branches[i].dest, err)
	}
	if over := r.over(); over != nil {
		return over
	}
	r.failed(f, err, permanent(err))
	return pop3.ErrSkip
}

// failed charges a message.
func (s *session) failed(f *fetchStep, err error, permanent bool) {
	if f.compare || f.key.UID == "" {
		// Delivered as far as anybody knows: a failed look at it changes nothing. Nameless: there is nothing to charge.
		s.reason(err.Error())
		s.count(func(r *Report) { r.Failed++ })
		return
	}
	c := uidl.Change{At: s.now().Unix()}
	s.charge(&c, f.rowOrNew(), err.Error(), permanent)
	s.later(func(carry *uidl.Change) { *carry = merge(*carry, c) })
}

// rowOrNew is the message's row, or a new one with what the listing told.
func (f *fetchStep) rowOrNew() uidl.Row {
	row := *f.row
	row.Key, row.Size = f.key, f.size
	return row
}

// skipLong leaves a message that turned out larger than max_size. LIST lies about it, so it would be read in vain in
// every pass; once a day is enough, unless the limit is lifted.
func (r *reader) skipLong(f *fetchStep) {
	skip := *f
	skip.reason = reasonTooLarge
	r.later(func(c *uidl.Change) {
		c.At = r.now().Unix()
		if !f.compare {
			r.noteSkipped(c, skip, r.now().Add(24*time.Hour).Unix())
		}
	})
	r.reason(reasonTooLarge)
	r.count(func(rep *Report) { rep.Skipped++ })
}

// blame charges the message at the head of the pipeline for an error that ended the session, unless the network alone
// failed before anything of its answer came: a server that closes, stalls or talks nonsense at one message would stop
// all behind it for ever.
func (r *reader) blame(err error) {
	var cut *cutShort
	if r.next >= len(r.plan.fetch) || r.ctx.Err() != nil || errors.As(err, &cut) || errors.Is(err, errOutOfStep) {
		return
	}
	if !r.begun && !chargeable(err) {
		return
	}
	if r.brought() && disconnected(err) {
		return // the next session begins with this message: if it is to blame, that will show at once
	}
	r.failed(&r.plan.fetch[r.next], err, false)
}
