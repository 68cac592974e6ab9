package reading

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// body streams one message to its destinations. What becomes of it is decided once it is proven: see came.
func (r *Reader) body(f *plan.FetchStep, body io.Reader) error {
	o := reply{f: f}
	m, err := r.staging.open(f)
	if err == nil {
		_, err = io.Copy(r.staging.fan, body)
	}
	var skip error
	switch {
	case errors.Is(err, settle.ErrTooLong):
		r.staging.fan.Fail(err)
		o.kind, skip = tooLong, pop3.ErrSkip
	case errors.Is(err, settle.ErrNoBranch):
		if o.err = r.staging.unfit(); r.over() != nil {
			return r.over()
		}
		o.kind, skip = unfit, pop3.ErrSkip
	case err != nil:
		r.staging.fan.Fail(err)
		return err
	default:
		m.Msg.SHA256, m.Whole = r.staging.fan.Sum.Sums()
		m.Strong = r.staging.fan.Header.Strong()
		m.Msg.Octets, m.Msg.Fingerprint = r.staging.fan.Octets, r.staging.fan.Header.Sum()
		o.is = health.Measured{Octets: r.staging.fan.Octets, Lines: r.staging.fan.Lines, Dots: r.staging.fan.Dots, Uncounted: !r.staging.fan.Count}
		o.status = bytes.HasPrefix(r.staging.fan.Start, []byte("+OK")) || bytes.Equal(r.staging.fan.Start, []byte("-ERR"))
		r.staging.ticket(&m)
		o.m = m
	}
	if err := r.prover.came(o); err != nil {
		return err
	}
	return skip
}

// staging are the staging places of the message that is being received.
type staging struct {
	desk  *desk.Desk
	on    *desk.Session
	space *space
	ctx   context.Context
	fan   *settle.Fanout
	stop  atomic.Bool // nothing more is asked for
}

// open makes a staging place at each destination that needs the message.
func (s *staging) open(f *plan.FetchStep) (settle.Received, error) {
	m := settle.Received{Num: f.Num, Session: s.on.Number, Owed: f.Owed, Again: plan.AskedAgain(f.Row) && !f.Owed, Msg: uidl.Message{Row: *f.Row}}
	m.Msg.Key, m.Msg.Size, m.Msg.GoneAt, m.Msg.GoneListing = f.Key, f.Size, 0, 0
	m.Msg.NextTry = 0
	reused := f.Row.State != 0 && !f.Owed && (f.Row.GoneAt != 0 || s.desk.Elsewhere) // its unique-id may have been another one's
	if f.Row.State == 0 || f.Compare || reused {
		m.Msg.FirstSeen, m.Msg.Attempts = s.desk.Stamp(), f.Row.Attempts
	}
	if !f.Owed { // what another message under its key had counts for nothing
		m.Msg.Facts = uidl.Facts{Generation: s.desk.Settler.Set.Generation}
	}
	s.fan.Reset(s.desk.Account.Policy.MaxSize, s.space.recheck)
	s.fan.Count = s.desk.Health.Wire.Sizes.Rule() != health.RuleExact
	m.Copies = s.needs(f)
	for _, need := range m.Copies {
		br := settle.Branch{Dest: need.Dest}
		if br.Err = need.Dest.StageFailure(); br.Err == nil {
			br.Staging, br.Err = need.Dest.Target.Create(s.ctx, deliver.Message{
				Account: s.desk.Account.Name, Token: s.desk.Settler.L.Info().Token, UID: f.Key.UID, Dup: f.Key.Dup, Size: f.Size,
				Again: need.Row.InDoubt > 0,
			})
			s.weigh(need.Dest, br.Err)
		}
		s.fan.Branches = append(s.fan.Branches, br)
	}
	for i := range s.fan.Branches {
		if s.fan.Branches[i].Err == nil {
			return m, nil
		}
	}
	return m, settle.ErrNoBranch
}

// needs are the destinations that a message must go to: all of them, or those that still lack it.
func (s *staging) needs(f *plan.FetchStep) []settle.Delivery {
	var need []settle.Delivery
	if f.Owed {
		return s.lacking(f)
	}
	need = make([]settle.Delivery, 0, len(s.desk.Settler.Places))
	for _, d := range s.desk.Settler.Places {
		if d.Fallback {
			continue
		}
		need = append(need, settle.Delivery{Dest: d, Row: uidl.Delivery{Key: f.Key, Destination: d.Name}})
	}
	return need
}

// lacking are the destinations that a known message must still get to.
func (s *staging) lacking(f *plan.FetchStep) (need []settle.Delivery) {
	open := s.desk.Settler.Pending[f.Key]
	facts := f.Row.Facts
	if open != nil {
		facts = open.Facts
	}
	for _, d := range s.desk.Settler.At(open.Need(s.desk.Settler.Set.Lacks(facts))) {
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
func (s *staging) weigh(d *settle.Place, err error) {
	if err != nil && verdict.ScopeOf(err) == deliver.WholeTarget && s.ctx.Err() == nil {
		d.FailStaging(err)
		if !d.Optional {
			s.stop.Store(true)
		}
	}
}

// hand gives a complete message to the batcher.
func (r *Reader) hand(f *plan.FetchStep, m settle.Received) error {
	r.desk.Haul.Receive(f.Size)
	if !r.bat.Add(m) {
		return errStop
	}
	return nil
}
