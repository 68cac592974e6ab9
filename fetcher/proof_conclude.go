package fetcher

import (
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// conclude decides what becomes of an answer that is proven to belong to its message.
func (r *reader) conclude(o *reply) error {
	f, m := o.f, &o.m
	if f.Row.State == 0 && !f.Nameless && r.counted > 0 {
		r.counted--
	}
	switch o.kind {
	case refusal:
		delete(r.fetched, f.Num)
		return r.declined(f, o.err)
	case tooLong:
		r.skipLong(f)
		return nil
	case unfit:
		r.failed(f, o.err, verdict.Permanent(o.err))
		return nil
	}
	r.held++
	counts, again, err := r.weighSize(o)
	if err != nil || !counts {
		r.discard(m, settle.ErrNoBranch)
		if err != nil {
			return err
		}
		if r.Health.Wire.Scan < 0 && r.isShort(o) {
			return errShort // what it left behind cannot be told from the next reply
		}
		return nil
	}
	if f.Nameless {
		if err := r.name(f, m); err != nil {
			r.discard(m, err)
			return err
		}
		if len(m.Copies) == 0 {
			return nil // it is on its way already
		}
		if f.Row.State == 0 && !r.haul.admit(r.a.Policy.Limit, true) {
			r.discard(m, settle.ErrNoBranch) // it was asked for before those ahead of it had filled the limit
			return nil
		}
	}
	if f.Owed {
		before, err := r.superseded(f, m)
		if err != nil || before != nil {
			r.discard(m, settle.ErrNoBranch)
			if err == nil {
				err = r.giveUpOwed(f, before)
			}
			return err
		}
		if gone, err := r.wentOn(f); err != nil || gone {
			r.discard(m, settle.ErrNoBranch)
			return err
		}
	}
	if f.Compare && !again && r.isSame(f, m) || f.Moved && r.isMoved(f, m) {
		r.discard(m, settle.ErrNoBranch)
		return nil
	}
	there, err := r.wasThere(f, m)
	if err != nil || there {
		r.discard(m, settle.ErrNoBranch)
		return err
	}
	return r.hand(f, *m)
}

// weighSize tells whether a message counts as whole, and whether it is one that was delivered shorter.
func (r *reader) weighSize(o *reply) (counts, again bool, err error) {
	w, key := &r.Health.Wire, shortKey(o)
	e := w.Reading(key)
	if e == nil || e.All == 0 {
		w.Sizes.Learn(o.is, r.now().Unix())
	}
	counts = true
	short := r.isShort(o)
	r.stood(o, e)
	if short && (e == nil || !e.Done) {
		known, err := r.isKnown(o)
		if err != nil {
			return false, false, err
		}
		short = !known
	}
	switch {
	case short:
		again = e != nil && e.Done && !o.f.Nameless
		if counts = r.readShort(o); !counts && !again {
			r.rec.Reason(plan.ReasonShort)
		}
	case e != nil && e.Done && !o.f.Nameless:
		again, counts = true, o.is.Octets > e.Octets+health.SameSlack
		if !counts && !o.exact {
			w.Sizes.Lied(o.is, r.now().Unix())
		}
		w.Forget(key)
	case e != nil:
		w.Forget(key)
	}
	if !short && (!counts || o.exact || !r.watch(o)) {
		return counts, again, nil
	}
	if counts {
		st := r.status() // before the message is delivered: it must not be deleted today
		r.Later(func(c *uidl.Change) { c.Status = st })
	}
	return counts, again, nil
}

// isKnown tells whether a message that came short is one that was delivered as it is: then no more of it is missing than was.
func (r *reader) isKnown(o *reply) (bool, error) {
	f, m := o.f, &o.m
	like := func(row *uidl.Message) bool { return row.SHA256 != [32]byte{} && row.SHA256 == m.Msg.SHA256 }
	switch {
	case f.Compare:
		row := r.details[f.Key]
		return row != nil && (r.isLike(row, m) || r.lost.Shows(r.ctx, row, m)), nil
	case f.Moved:
		return len(r.formers.byContent[m.Msg.SHA256]) > 0, nil
	case f.Owed, f.Nameless:
		rows, err := r.L.Find(r.ctx, []uidl.Key{shortKey(o)})
		return len(rows) > 0 && rows[0].Have.Destinations() != 0 && like(&rows[0]), err
	}
	return false, nil
}
