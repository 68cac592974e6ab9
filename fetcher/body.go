package fetcher

import (
	"errors"
	"io"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// body streams one message to its destinations and adds it to the batch.
func (r *reader) body(f *fetchStep, body io.Reader) error {
	m, err := r.open(f)
	if err != nil {
		return err
	}
	_, err = io.Copy(r.fan, body)
	switch {
	case errors.Is(err, errTooLong):
		r.fan.fail(err)
		r.skipLong(f)
		return pop3.ErrSkip
	case errors.Is(err, errNoBranch):
		return r.none(f)
	case err != nil:
		r.fan.fail(err)
		return err
	}
	m.msg.SHA256, m.whole = r.fan.sum.sums()
	m.strong = r.fan.header.Strong()
	m.msg.Octets, m.msg.Fingerprint = r.fan.octets, r.fan.header.Sum()
	if f.nameless {
		if err := r.name(f, &m); err != nil {
			r.fan.fail(err)
			return err
		}
		if len(m.copies) == 0 {
			return nil // it is on its way already
		}
		if f.row.State == 0 && !r.admit(true) {
			r.fan.fail(errNoBranch) // it was asked for before those ahead of it had filled the limit
			return nil
		}
	}
	if f.owed {
		before, err := r.superseded(f, &m)
		if err != nil || before != nil {
			r.fan.fail(errNoBranch)
			if err == nil {
				err = r.giveUpOwed(f, before)
			}
			return err
		}
		if gone, err := r.wentOn(f); err != nil || gone {
			r.fan.fail(errNoBranch)
			return err
		}
	}
	if f.compare && r.isSame(f, &m) {
		r.fan.fail(errNoBranch)
		return nil
	}
	if f.moved && r.isMoved(f, &m) {
		r.fan.fail(errNoBranch)
		return nil
	}
	return r.accept(f, m)
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
	return m, r.none(f)
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
	for i := range r.fan.branches {
		br := &r.fan.branches[i]
		m.copies[i].err = br.err
		m.copies[i].row.Ticket = string(br.ticket)
		r.weigh(br.dest, br.err)
	}
	r.mu.Lock()
	r.whole.messages++
	r.whole.octets += f.size
	r.mu.Unlock()
	if !r.bat.add(m) {
		return errStop
	}
	return nil
}
