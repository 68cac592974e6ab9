package fetcher

import (
	"bytes"
	"errors"
	"io"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// body streams one message to its destinations. What becomes of it is decided once it is proven: see came.
func (r *reader) body(f *plan.FetchStep, body io.Reader) error {
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
		o.is = health.Measured{Octets: r.fan.octets, Lines: r.fan.lines, Dots: r.fan.dots, Uncounted: !r.fan.count}
		o.status = bytes.HasPrefix(r.fan.start, []byte("+OK")) || bytes.Equal(r.fan.start, []byte("-ERR"))
		r.ticket(&m)
		o.m = m
	}
	if err := r.came(o); err != nil {
		return err
	}
	return skip
}

// open makes a staging place at each destination that needs the message.
func (r *reader) open(f *plan.FetchStep) (received, error) {
	m := received{num: f.Num, session: r.number, owed: f.Owed, again: plan.AskedAgain(f.Row) && !f.Owed, msg: uidl.Message{Row: *f.Row}}
	m.msg.Key, m.msg.Size, m.msg.GoneAt, m.msg.GoneListing = f.Key, f.Size, 0, 0
	m.msg.NextTry = 0
	reused := f.Row.State != 0 && !f.Owed && (f.Row.GoneAt != 0 || r.elsewhere) // its unique-id may have been another one's
	if f.Row.State == 0 || f.Compare || reused {
		m.msg.FirstSeen, m.msg.Attempts = r.stamp(), f.Row.Attempts
	}
	if !f.Owed { // what another message under its key had counts for nothing
		m.msg.Facts = uidl.Facts{Generation: r.set.Generation}
	}
	r.fan.reset(r.a.Policy.MaxSize, r.recheck)
	r.fan.count = r.health.Wire.Sizes.Rule() != health.RuleExact
	m.copies = r.needs(f)
	for _, need := range m.copies {
		br := branch{dest: need.dest}
		if br.err = need.dest.stageFailure(); br.err == nil {
			br.staging, br.err = need.dest.Target.Create(r.ctx, deliver.Message{
				Account: r.a.Name, Token: r.l.Info().Token, UID: f.Key.UID, Dup: f.Key.Dup, Size: f.Size,
				Again: need.row.InDoubt > 0,
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
func (r *reader) needs(f *plan.FetchStep) []delivery {
	var need []delivery
	if f.Owed {
		return r.lacking(f)
	}
	need = make([]delivery, 0, len(r.dests))
	for _, d := range r.dests {
		if d.Fallback {
			continue
		}
		need = append(need, delivery{dest: d, row: uidl.Delivery{Key: f.Key, Destination: d.Name}})
	}
	return need
}

// lacking are the destinations that a known message must still get to.
func (r *reader) lacking(f *plan.FetchStep) (need []delivery) {
	open := r.pending[f.Key]
	facts := f.Row.Facts
	if open != nil {
		facts = open.Facts
	}
	for _, d := range r.at(open.Need(r.set.Lacks(facts))) {
		dl := delivery{dest: d, row: uidl.Delivery{Key: f.Key, Destination: d.Name}}
		if open != nil {
			for _, row := range open.Owed {
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
	if err != nil && verdict.ScopeOf(err) == deliver.WholeTarget && r.ctx.Err() == nil {
		d.failStaging(err)
		if !d.Optional {
			r.stop.Store(true)
		}
	}
}

// hand gives a complete message to the batcher.
func (r *reader) hand(f *plan.FetchStep, m received) error {
	r.mu.Lock()
	r.whole.messages++
	r.whole.octets += f.Size
	r.mu.Unlock()
	if !r.bat.add(m) {
		return errStop
	}
	return nil
}
