package reading

import (
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// conclude decides what becomes of an answer that is proven to belong to its message.
func (r *Reader) conclude(o *reply) error {
	f, m := o.f, &o.m
	r.weigh(o)
	switch o.kind {
	case refusal:
		delete(r.on.Fetched, f.Num)
		return r.declined(f, o.err)
	case tooLong:
		r.skipLong(f)
		return nil
	case unfit:
		r.failed(f, o.err, verdict.Permanent(o.err))
		return nil
	}
	r.prover.held++
	counts, again, err := r.weighSize(o)
	if err != nil || !counts {
		r.staging.discard(m, settle.ErrNoBranch)
		if err != nil {
			return err
		}
		if r.desk.Health.Wire.Scan < 0 && r.shorts.isShort(o) {
			return ErrShort // what it left behind cannot be told from the next reply
		}
		return nil
	}
	if f.Nameless {
		if err := r.name(f, m); err != nil {
			r.staging.discard(m, err)
			return err
		}
		if len(m.Copies) == 0 {
			return nil // it is on its way already
		}
		if f.Row.State == 0 && !r.desk.Haul.Admit(&plan.Policy{Limit: r.desk.Account.Policy.Limit}, o.is.Octets, true) {
			r.staging.discard(m, settle.ErrNoBranch) // it was asked for before those ahead of it had filled the limit
			return nil
		}
	}
	if f.Owed {
		before, err := r.known.Superseded(r.ctx, f, m)
		if err != nil || before != nil {
			r.staging.discard(m, settle.ErrNoBranch)
			if err == nil {
				err = r.known.GiveUpOwed(r.ctx, f, before)
			}
			return err
		}
		if gone, err := r.known.Renewal.WentOn(r.ctx, f); err != nil || gone {
			r.staging.discard(m, settle.ErrNoBranch)
			return err
		}
	}
	if f.Compare && (again && r.known.Renewal.IsFormer(r.ctx, f, m) || !again && r.known.IsSame(r.ctx, f, m)) || f.Moved && r.known.Renewal.IsMoved(f, m) {
		r.staging.discard(m, settle.ErrNoBranch)
		return nil
	}
	there, err := r.released.wasThere(r.ctx, f, m)
	if err != nil || there {
		r.staging.discard(m, settle.ErrNoBranch)
		return err
	}
	if !f.Owed {
		if err := r.known.ComesAnew(r.ctx, f.Key, m); err != nil {
			r.staging.discard(m, settle.ErrNoBranch)
			return err
		}
	}
	return r.hand(f, *m)
}

// weighSize tells whether a message counts as whole, and whether it is one that was delivered shorter.
func (r *Reader) weighSize(o *reply) (counts, again bool, err error) {
	w, key := &r.desk.Health.Wire, shortKey(o)
	e := w.Reading(key)
	if e == nil || e.All == 0 {
		w.Sizes.Learn(o.is, r.desk.Now().Unix())
	}
	counts = true
	short := r.shorts.isShort(o)
	r.shorts.stood(o, e)
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
		if counts = r.shorts.readShort(o); !counts && !again {
			r.desk.Rec.Reason(plan.ReasonShort)
		}
	case e != nil && e.Done && !o.f.Nameless:
		again, counts = true, o.is.Octets > e.Octets+health.SameSlack
		if !counts && !o.exact {
			w.Sizes.Lied(o.is, r.desk.Now().Unix())
		}
		w.Forget(key)
	case e != nil:
		w.Forget(key)
	}
	if !short && (!counts || o.exact || !r.shorts.watch(o)) {
		return counts, again, nil
	}
	if counts {
		st := r.desk.Status() // before the message is delivered: it must not be deleted today
		r.desk.Settler.Later(func(c *uidl.Change) { c.Status = st })
	}
	return counts, again, nil
}

// isKnown tells whether a message that came short is one that was delivered as it is: then no more of it is missing than was.
func (r *Reader) isKnown(o *reply) (bool, error) {
	f, m := o.f, &o.m
	like := func(row *uidl.Message) bool { return row.SHA256 != [32]byte{} && row.SHA256 == m.Msg.SHA256 }
	switch {
	case f.Compare:
		row := r.known.Details[f.Key]
		return row != nil && (r.known.IsLike(row, m) || r.desk.Lost.Shows(r.ctx, row, m)), nil
	case f.Moved:
		return r.known.Renewal.LeftAsIs(m), nil
	case f.Owed, f.Nameless:
		rows, err := r.desk.Settler.L.Find(r.ctx, []uidl.Key{shortKey(o)})
		return len(rows) > 0 && rows[0].Have.Destinations() != 0 && like(&rows[0]), err
	}
	return false, nil
}
