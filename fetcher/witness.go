package fetcher

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// The pass hears what becomes of messages while they are settled, for its report and for what the session does next.

var _ settle.Witness = (*pass)(nil)

func (p *pass) Reason(text string)            { p.rec.Reason(text) }
func (p *pass) Mention(text string)           { p.rec.Mention(text) }
func (p *pass) Refetched()                    { p.rec.Count(func(r *report.Report) { r.Refetched++ }) }
func (p *pass) Quarantined()                  { p.rec.Count(func(r *report.Report) { r.Quarantined++ }) }
func (p *pass) Waived()                       { p.rec.Count(func(r *report.Report) { r.Waived++ }) }
func (p *pass) Committed(ctx context.Context) { p.lost.Note() }

func (p *pass) Worst(v verdict.Verdict) {
	p.rec.Befell(v)
}

func (p *pass) FailedAt(k uidl.Key, why string, parked, newly bool) {
	p.rec.FailedAt(newly)
	p.logFailed(k, why, parked)
}

func (p *pass) Untaken(c *uidl.Change, m *settle.Received, why error) {
	p.charge(c, m.Msg.Row, why.Error(), verdict.Permanent(why))
}

func (p *pass) Secured(m *settle.Received) { p.haul.secured(m) }

func (p *pass) Recovered(row uidl.Delivery, done, late bool) {
	p.rec.Count(func(r *report.Report) { r.Recovered++ })
	if done {
		p.arrived(row.UID, row.Octets, p.haul.catchUp(row.Key, late))
	}
}

func (p *pass) Delivered(m *settle.Received) {
	p.arrived(m.Msg.UID, m.Msg.Octets, p.haul.deliver(m, p.Held(m.Msg.Key)))
}

// arrived reports a message that is durable everywhere, as the ledger knows by now.
func (p *pass) arrived(uid string, octets int64, kept bool) {
	p.rec.Count(func(r *report.Report) {
		r.New++
		r.Bytes += octets
		r.Kept += b2i(kept)
	})
	p.Log.Info("delivered", zap.String("uid", words.Quote(uid)), zap.Int64("octets", octets))
	p.rec.Progress()
}
