package fetcher

import (
	"bytes"
	"errors"
	"io"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
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
	case errors.Is(err, settle.ErrTooLong):
		r.fan.Fail(err)
		o.kind, skip = tooLong, pop3.ErrSkip
	case errors.Is(err, settle.ErrNoBranch):
		if o.err = r.unfit(); r.over() != nil {
			return r.over()
		}
		o.kind, skip = unfit, pop3.ErrSkip
	case err != nil:
		r.fan.Fail(err)
		return err
	default:
		m.Msg.SHA256, m.Whole = r.fan.Sum.Sums()
		m.Strong = r.fan.Header.Strong()
		m.Msg.Octets, m.Msg.Fingerprint = r.fan.Octets, r.fan.Header.Sum()
		o.is = health.Measured{Octets: r.fan.Octets, Lines: r.fan.Lines, Dots: r.fan.Dots, Uncounted: !r.fan.Count}
		o.status = bytes.HasPrefix(r.fan.Start, []byte("+OK")) || bytes.Equal(r.fan.Start, []byte("-ERR"))
		r.ticket(&m)
		o.m = m
	}
	if err := r.came(o); err != nil {
		return err
	}
	return skip
}

// open makes a staging place at each destination that needs the message.
func (r *reader) open(f *plan.FetchStep) (settle.Received, error) {
	m := settle.Received{Num: f.Num, Session: r.number, Owed: f.Owed, Again: plan.AskedAgain(f.Row) && !f.Owed, Msg: uidl.Message{Row: *f.Row}}
	m.Msg.Key, m.Msg.Size, m.Msg.GoneAt, m.Msg.GoneListing = f.Key, f.Size, 0, 0
	m.Msg.NextTry = 0
	reused := f.Row.State != 0 && !f.Owed && (f.Row.GoneAt != 0 || r.elsewhere) // its unique-id may have been another one's
	if f.Row.State == 0 || f.Compare || reused {
		m.Msg.FirstSeen, m.Msg.Attempts = r.stamp(), f.Row.Attempts
	}
	if !f.Owed { // what another message under its key had counts for nothing
		m.Msg.Facts = uidl.Facts{Generation: r.Set.Generation}
	}
	r.fan.Reset(r.a.Policy.MaxSize, r.recheck)
	r.fan.Count = r.Health.Wire.Sizes.Rule() != health.RuleExact
	m.Copies = r.needs(f)
	for _, need := range m.Copies {
		br := settle.Branch{Dest: need.Dest}
		if br.Err = need.Dest.StageFailure(); br.Err == nil {
			br.Staging, br.Err = need.Dest.Target.Create(r.ctx, deliver.Message{
				Account: r.a.Name, Token: r.L.Info().Token, UID: f.Key.UID, Dup: f.Key.Dup, Size: f.Size,
				Again: need.Row.InDoubt > 0,
			})
			r.weigh(need.Dest, br.Err)
		}
		r.fan.Branches = append(r.fan.Branches, br)
	}
	for i := range r.fan.Branches {
		if r.fan.Branches[i].Err == nil {
			return m, nil
		}
	}
	return m, settle.ErrNoBranch
}

// needs are the destinations that a message must go to: all of them, or those that still lack it.
func (r *reader) needs(f *plan.FetchStep) []settle.Delivery {
	var need []settle.Delivery
	if f.Owed {
		return r.lacking(f)
	}
	need = make([]settle.Delivery, 0, len(r.Places))
	for _, d := range r.Places {
		if d.Fallback {
			continue
		}
		need = append(need, settle.Delivery{Dest: d, Row: uidl.Delivery{Key: f.Key, Destination: d.Name}})
	}
	return need
}

// lacking are the destinations that a known message must still get to.
func (r *reader) lacking(f *plan.FetchStep) (need []settle.Delivery) {
	open := r.Pending[f.Key]
	facts := f.Row.Facts
	if open != nil {
		facts = open.Facts
	}
	for _, d := range r.At(open.Need(r.Set.Lacks(facts))) {
		dl := settle.Delivery{Dest: d, Row: uidl.Delivery{Key: f.Key, Destination: d.Name}}
		if open != nil {
			for _, row := range open.Owed {
				if row.Destination == d.Name {
					dl.Row = row
				}
			}
		}
		need = append(need, dl)
	}
	return need
}

// weigh stops the fetching when a destination as a whole cannot take copies any more.
func (r *reader) weigh(d *settle.Place, err error) {
	if err != nil && verdict.ScopeOf(err) == deliver.WholeTarget && r.ctx.Err() == nil {
		d.FailStaging(err)
		if !d.Optional {
			r.stop.Store(true)
		}
	}
}

// hand gives a complete message to the batcher.
func (r *reader) hand(f *plan.FetchStep, m settle.Received) error {
	r.haul.receive(f.Size)
	if !r.bat.Add(m) {
		return errStop
	}
	return nil
}
