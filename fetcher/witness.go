package fetcher

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// The pass hears what becomes of messages while they are settled, for its report and for what the session does next.

// witness hears it.
type witness struct{ desk *desk.Desk }

var _ settle.Witness = (*witness)(nil)

func (w *witness) Reason(text string)            { w.desk.Rec.Reason(text) }
func (w *witness) Mention(text string)           { w.desk.Rec.Mention(text) }
func (w *witness) Refetched()                    { w.desk.Rec.Count(func(r *report.Report) { r.Refetched++ }) }
func (w *witness) Quarantined()                  { w.desk.Rec.Count(func(r *report.Report) { r.Quarantined++ }) }
func (w *witness) Waived()                       { w.desk.Rec.Count(func(r *report.Report) { r.Waived++ }) }
func (w *witness) Settled()                      { w.desk.Rec.Count(func(r *report.Report) { r.Settled++ }) }
func (w *witness) Committed(ctx context.Context) { w.desk.Lost.Note() }

func (w *witness) Worst(v verdict.Verdict) {
	w.desk.Rec.Befell(v)
}

func (w *witness) FailedAt(k uidl.Key, why string, parked, newly bool) {
	w.desk.Rec.FailedAt(newly)
	w.desk.LogFailed(k, why, parked)
}

func (w *witness) Untaken(c *uidl.Change, m *settle.Received, why error) {
	w.desk.Charge(c, m.Msg.Row, why.Error(), verdict.Permanent(why))
}

func (w *witness) Secured(m *settle.Received) { w.desk.Haul.Secured(m) }

func (w *witness) Recovered(row uidl.Delivery, done, late bool) {
	w.desk.Rec.Count(func(r *report.Report) { r.Recovered++; r.Settled++ })
	if done {
		w.arrived(row.UID, row.Octets, w.desk.Haul.CatchUp(row.Key, late))
	}
}

func (w *witness) Delivered(m *settle.Received) {
	w.arrived(m.Msg.UID, m.Msg.Octets, w.desk.Haul.Deliver(m, w.desk.Settler.Held(m.Msg.Key)))
}

// arrived reports a message that is durable everywhere, as the ledger knows by now.
func (w *witness) arrived(uid string, octets int64, kept bool) {
	w.desk.Rec.Count(func(r *report.Report) {
		r.New++
		r.Bytes += octets
		r.Kept += desk.Count(kept)
	})
	w.desk.Log.Info("delivered", zap.String("uid", words.Quote(uid)), zap.Int64("octets", octets))
	w.desk.Rec.Progress()
}
