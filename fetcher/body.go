package fetcher

import (
	"bytes"
	"errors"
	"io"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// body streams one message to its destinations. What becomes of it is decided once it is proven: see came.
func (r *reader) body(f *fetchStep, body io.Reader) error {
	o := reply{f: f}
	m, err := r.open(f)
	if err == nil {
		_, err = io.Copy(r.fan, body)
	}
	var skip error
	switch {
	case errors.Is(err, errTooLong):
		r.fan.fail(err)
		o.kind, skip = tooLong, pop3.ErrSkip
	case errors.Is(err, errNoBranch):
		if o.err = r.unfit(); r.over() != nil {
			return r.over()
		}
		o.kind, skip = unfit, pop3.ErrSkip
	case err != nil:
		r.fan.fail(err)
		return err
	default:
		m.msg.SHA256, m.whole = r.fan.sum.sums()
		m.strong = r.fan.header.Strong()
		m.msg.Octets, m.msg.Fingerprint = r.fan.octets, r.fan.header.Sum()
		o.is = measured{octets: r.fan.octets, lines: r.fan.lines, dots: r.fan.dots, uncounted: !r.fan.count}
		o.status = bytes.HasPrefix(r.fan.start, []byte("+OK")) || bytes.Equal(r.fan.start, []byte("-ERR"))
		r.ticket(&m)
		o.m = m
	}
	if err := r.came(o); err != nil {
		return err
	}
	return skip
}

// conclude decides what becomes of an answer that is proven to belong to its message.
func (r *reader) conclude(o *reply) error {
	f, m := o.f, &o.m
	if f.row.State == 0 && !f.nameless && r.counted > 0 {
		r.counted--
	}
	switch o.kind {
	case refusal:
		delete(r.fetched, f.num)
		r.failed(f, o.err, false)
		return nil
	case tooLong:
		r.skipLong(f)
		return nil
	case unfit:
		r.failed(f, o.err, permanent(o.err))
		return nil
	}
	r.held++
	counts, again, err := r.weighSize(o)
	if err != nil || !counts {
		r.discard(m, errNoBranch)
		if err != nil {
			return err
		}
		if r.facts.Wire.Scan < 0 && r.isShort(o) {
			return errShort // what it left behind cannot be told from the next reply
		}
		return nil
	}
	if f.nameless {
		if err := r.name(f, m); err != nil {
			r.discard(m, err)
			return err
		}
		if len(m.copies) == 0 {
			return nil // it is on its way already
		}
		if f.row.State == 0 && !r.admit(true) {
			r.discard(m, errNoBranch) // it was asked for before those ahead of it had filled the limit
			return nil
		}
	}
	if f.owed {
		before, err := r.superseded(f, m)
		if err != nil || before != nil {
			r.discard(m, errNoBranch)
			if err == nil {
				err = r.giveUpOwed(f, before)
			}
			return err
		}
		if gone, err := r.wentOn(f); err != nil || gone {
			r.discard(m, errNoBranch)
			return err
		}
	}
	if f.compare && !again && r.isSame(f, m) || f.moved && r.isMoved(f, m) {
		r.discard(m, errNoBranch)
		return nil
	}
	return r.hand(f, *m)
}

// weighSize tells whether a message counts as whole, and whether it is one that was delivered shorter.
func (r *reader) weighSize(o *reply) (counts, again bool, err error) {
	w, key := &r.facts.Wire, shortKey(o)
	e := w.short(key)
	if e == nil || e.All == 0 {
		w.Sizes.learn(o.is, r.now().Unix())
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
		again = e != nil && e.Done && !o.f.nameless
		if counts = r.readShort(o); !counts && !again {
			r.reason(reasonShort)
		}
	case e != nil:
		again = e.Done && !o.f.nameless
		counts = !again || o.is.octets > e.Octets+sameSlack
		w.forget(key)
	default:
		return true, false, nil
	}
	st := r.status()
	r.later(func(c *uidl.Change) { c.Status = st }) // before the message is delivered: it must not be deleted today
	return counts, again, nil
}

// isKnown tells whether a message that came short is one that was delivered as it is: then no more of it is missing than was.
func (r *reader) isKnown(o *reply) (bool, error) {
	f, m := o.f, &o.m
	like := func(row *uidl.Message) bool { return row.SHA256 != [32]byte{} && row.SHA256 == m.msg.SHA256 }
	switch {
	case f.compare:
		row := r.details[f.key]
		return row != nil && r.isLike(row, m), nil
	case f.moved:
		return len(r.formers.byContent[m.msg.SHA256]) > 0, nil
	case f.owed, f.nameless:
		rows, err := r.l.Find(r.ctx, []uidl.Key{shortKey(o)})
		return len(rows) > 0 && rows[0].Have.Destinations() != 0 && like(&rows[0]), err
	}
	return false, nil
}

// open makes a staging place at each destination that needs the message.
func (r *reader) open(f *fetchStep) (received, error) {
	m := received{num: f.num, session: r.number, owed: f.owed, msg: uidl.Message{Row: *f.row}}
	m.msg.Key, m.msg.Size, m.msg.GoneAt, m.msg.GoneListing = f.key, f.size, 0, 0
	m.msg.NextTry = 0
	reused := f.row.State != 0 && !f.owed && (f.row.GoneAt != 0 || r.elsewhere) // its unique-id may have been another one's
	if f.row.State == 0 || f.compare || reused {
		m.msg.FirstSeen, m.msg.Attempts = r.stamp(), f.row.Attempts
	}
	if !f.owed { // what another message under its key had counts for nothing
		m.msg.Facts = uidl.Facts{Generation: r.set.generation}
	}
	r.fan.reset(r.a.Policy.MaxSize, r.recheck)
	r.fan.count = r.facts.Wire.Sizes.rule() != ruleExact
	m.copies = r.needs(f)
	for _, need := range m.copies {
		br := branch{dest: need.dest}
		if br.err = need.dest.stageFailure(); br.err == nil {
			br.staging, br.err = need.dest.Target.Create(r.ctx, deliver.Message{
				Account: r.a.Name, Token: r.l.Info().Token, UID: f.key.UID, Dup: f.key.Dup, Size: f.size,
			})
			r.weigh(need.dest, br.err)
		}
		r.fan.branches = append(r.fan.branches, br)
	}
	for i := range r.fan.branches {
		if r.fan.branches[i].err == nil {
			return m, nil
		}
	}
	return m, errNoBranch
}

// needs are the destinations that a message must go to: all of them, or those that still lack it.
func (r *reader) needs(f *fetchStep) []delivery {
	var need []delivery
	if f.owed {
		return r.lacking(f)
	}
	need = make([]delivery, 0, len(r.dests))
	for _, d := range r.dests {
		if d.Fallback {
			continue
		}
		need = append(need, delivery{dest: d, row: uidl.Delivery{Key: f.key, Destination: d.Name}})
	}
	return need
}

// lacking are the destinations that a known message must still get to.
func (r *reader) lacking(f *fetchStep) (need []delivery) {
	open := r.pending[f.key]
	facts := f.row.Facts
	if open != nil {
		facts = open.Facts
	}
	for _, d := range r.at(open.need(r.set.lacks(facts))) {
		dl := delivery{dest: d, row: uidl.Delivery{Key: f.key, Destination: d.Name}}
		if open != nil {
			for _, row := range open.owed {
				if row.Destination == d.Name {
					dl.row = row
				}
			}
		}
		need = append(need, dl)
	}
	return need
}

// weigh stops the fetching when a destination as a whole cannot take copies any more.
func (r *reader) weigh(d *destination, err error) {
	if err != nil && scopeOf(err) == deliver.WholeTarget && r.ctx.Err() == nil {
		d.failStaging(err)
		if !d.Optional {
			r.stop.Store(true)
		}
	}
}

// hand gives a complete message to the batcher.
func (r *reader) hand(f *fetchStep, m received) error {
	r.mu.Lock()
	r.whole.messages++
	r.whole.octets += f.size
	r.mu.Unlock()
	if !r.bat.add(m) {
		return errStop
	}
	return nil
}
