package fetcher

import (
	"errors"
	"slices"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// floodState is what the pass knows of new mail.
type floodState struct {
	looked  bool // a listing was looked at and let through
	unknown int  // messages in it that the ledger has no row of
}

// toldBefore tells whether an error is an incident that an earlier pass reported.
func toldBefore(err error) bool {
	var e *health.FloodError
	return errors.As(err, &e) && e.Again || health.Untried(err)
}

// breaker stops the session if more new messages arrived than is plausible. What was listed before and not fetched yet
// (a first import, a limit, a lost connection) did not arrive now. Where messages are being compared by their content,
// nobody knows yet how many are new; where a limit is set, that is the brake.
func (s *session) breaker(listed int) error {
	if s.known.Renewal.Comparing() && s.desk.Epoch.Many {
		return nil
	}
	unknown := s.on.Plan.Strangers()
	arrived := unknown - s.desk.Health.Backlog
	usual, most := health.Plausible(s.desk.Health.Arrivals, s.desk.Now(), s.desk.SinceListing())
	if most == 0 || arrived <= most || s.desk.Health.Accepted != 0 || s.p.closing.watch.looked || s.desk.Account.Policy.Limit > 0 || s.desk.Account.RetrHides {
		s.p.closing.watch = floodState{looked: true, unknown: unknown}
		s.desk.Health.Backlog = unknown
		if unknown > health.FloodLeast {
			// So many are better remembered with the first commit: a killed pass must not make them arrive again.
			st := s.desk.Status()
			s.desk.Settler.Later(func(c *uidl.Change) { c.Status = st })
		}
		return nil
	}
	e := &health.FloodError{Flood: health.Flood{Since: s.desk.Now().Unix(), New: arrived, Usual: usual}, Account: s.desk.Account.Name}
	if f := s.desk.Health.Flood; f != nil {
		e.Again, e.Since = true, f.Since
	}
	s.desk.Health.Flood = &e.Flood
	s.desk.Rec.Count(func(r *report.Report) { r.Listed = listed })
	return e
}

// remember adds what the pass taught of new mail to the account's facts.
func (p *closing) remember(err error) {
	if !p.watch.looked {
		return
	}
	f := &p.desk.Health.Facts
	f.Flood, f.Accepted = nil, 0
	f.Backlog = max(0, p.watch.unknown-p.desk.Haul.Fresh())
	// What earlier passes fetched, and what came before and was asked for again, tells nothing of how much comes.
	came := -p.desk.Haul.Known()
	p.desk.Rec.Count(func(r *report.Report) { came += r.New })
	if came <= 0 {
		return
	}
	f.Arrivals = append(slices.DeleteFunc(f.Arrivals, func(a health.Arrival) bool { return a.At < p.desk.Now().Unix()-health.HistoryAge }),
		health.Arrival{At: p.desk.Now().Unix(), New: came})
	f.Arrivals = f.Arrivals[max(0, len(f.Arrivals)-health.HistoryMost):]
}
