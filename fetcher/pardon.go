package fetcher

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// onlyMessages tells that nothing failed in a pass but messages, one by one, whether the server did not give them or a destination
// did not take them. What was refused otherwise, as DELE is, is no message that anybody can give up.
func (p *closing) onlyMessages(err error, v verdict.Verdict) bool {
	if err != nil || v.Class == verdict.OK {
		return false
	}
	for _, d := range p.desk.Settler.Places {
		if d.StageFailure() != nil || d.PublishFailure() != nil {
			return false
		}
	}
	return p.desk.Rec.OnlyMessages()
}

// pardon makes the last pass a success where it failed in nothing but messages, of which none fails any more. It keeps its time:
// nothing was asked since.
func (p *pass) pardon(ctx context.Context, c *uidl.Change) error {
	if !p.desk.Health.OnlyOpen && !p.desk.Health.OnlyMessages || len(p.desk.Health.Down) > 0 || p.desk.Settler.L.Info().Verdict == "" {
		return nil
	}
	sums, err := p.ledger.Summaries(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sums, func(s uidl.Summary) bool { return s.Name == p.desk.Account.Name })
	if i < 0 || sums[i].Last == nil {
		return nil
	}
	last := *sums[i].Last
	var rep report.Report
	if json.Unmarshal(last.Totals, &rep) != nil {
		return nil // of another version, and the next pass tells
	}
	rep.Verdict, rep.Parked, rep.PutOff, rep.Failed, rep.NewlyParked = verdict.Verdict{Class: verdict.OK}, 0, 0, 0, 0
	if last.Totals, err = json.Marshal(rep); err != nil {
		return err
	}
	last.OK, last.Verdict = true, ""
	p.desk.Health.OnlyOpen, p.desk.Health.OnlyMessages = false, false
	c.Status = p.desk.Status()
	c.Status.Verdict, c.Status.Failures = "", 0
	c.At, c.Pass = last.Ended, &last
	return nil
}
