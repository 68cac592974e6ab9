package fetcher

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// The pass hears what becomes of messages while they are settled, for its report and for what the session does next.

var _ settle.Witness = (*pass)(nil)

func (p *pass) Reason(text string)            { p.reason(text) }
func (p *pass) Mention(text string)           { p.mention(text) }
func (p *pass) Refetched()                    { p.count(func(r *Report) { r.Refetched++ }) }
func (p *pass) Quarantined()                  { p.count(func(r *Report) { r.Quarantined++ }) }
func (p *pass) Waived()                       { p.count(func(r *Report) { r.Waived++ }) }
func (p *pass) Committed(ctx context.Context) { p.note() }

func (p *pass) Worst(v verdict.Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worst = append(p.worst, v)
}

func (p *pass) FailedAt(k uidl.Key, why string, parked, newly bool) {
	p.count(func(r *Report) {
		r.Failed++
		if newly {
			r.NewlyParked++
		}
	})
	p.mu.Lock()
	p.deliveries++
	p.mu.Unlock()
	p.logFailed(k, why, parked)
}

func (p *pass) Untaken(c *uidl.Change, m *settle.Received, why error) {
	p.charge(c, m.Msg.Row, why.Error(), verdict.Permanent(why))
}

func (p *pass) Secured(m *settle.Received) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.safe[m.Num] = true
	p.gained++
}

func (p *pass) Recovered(row uidl.Delivery, done, late bool) {
	p.count(func(r *Report) { r.Recovered++ })
	if !done {
		return
	}
	p.mu.Lock()
	if late {
		p.missed++
	}
	p.rep.New++
	p.rep.Bytes += row.Octets
	if p.onWay[row.Key] {
		p.rep.Kept++
	}
	if p.caughtUp == nil {
		p.caughtUp = map[uidl.Key]bool{}
	}
	p.caughtUp[row.Key] = true
	p.mu.Unlock()
	p.Log.Info("delivered", zap.String("uid", words.Quote(row.UID)), zap.Int64("octets", row.Octets))
	p.progress()
}

// Delivered reports a message that is durable everywhere, as the ledger knows by now.
func (p *pass) Delivered(m *settle.Received) {
	held := p.Held(m.Msg.Key)
	p.mu.Lock()
	p.rep.New++
	p.rep.Bytes += m.Msg.Octets
	p.anewAll += b2i(m.Again)
	switch {
	case held:
		p.rep.Kept++ // for a while
	case m.Session == p.begun:
		p.settled = append(p.settled, plan.Entry{Num: m.Num, Size: m.Msg.Size, Key: m.Msg.Key})
		p.rep.Kept += b2i(p.counted) // this session does not delete it
		p.anew += b2i(m.Again)
	default:
		p.missed++ // its number means nothing any more
		p.rep.Kept++
	}
	p.mu.Unlock()
	p.Log.Info("delivered", zap.String("uid", words.Quote(m.Msg.UID)), zap.Int64("octets", m.Msg.Octets))
	p.progress()
}
