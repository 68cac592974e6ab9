package fetcher

import (
	"context"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
)

// An errand is a pass that only tries what waits at destinations, at their own time and not at the account's: the server
// is not asked. It leaves no row, and what it says of a destination is kept with the account's facts. But if nothing had
// failed in the last pass except deliveries, and they are well now, that pass's failure is over.

// errErrand ends an errand before anything is asked of the server.
var errErrand = &health.HeldError{Verdict: verdict.Verdict{Class: verdict.OK}}

// onlyOpen tells that nothing failed in a pass but deliveries.
func (p *closing) onlyOpen(err error, v verdict.Verdict) bool {
	if err != nil || v.Class == verdict.OK {
		return false
	}
	for _, d := range p.desk.Settler.Places {
		if d.StageFailure() != nil {
			return false
		}
	}
	return p.desk.Rec.OnlyDeliveries()
}

// closeErrand writes down what an errand found out, and returns the error that the pass ended with.
func (p *closing) closeErrand(ctx context.Context, err error) error {
	p.desk.Rec.Rep.Errand = true
	if err != error(errErrand) || p.verdictOf(nil).Class != verdict.OK || p.desk.Settler.L.Info().Verdict == "" || !p.desk.Health.OnlyOpen {
		if werr := p.closeHeld(ctx); werr != nil {
			return werr
		}
		return err
	}
	return p.close(ctx, nil)
}
