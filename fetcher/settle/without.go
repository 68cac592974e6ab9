package settle

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// goesWithout notes one of them.
func (o *outbox) goesWithout(row uidl.Delivery, why error) {
	text := words.Clip(why.Error())
	o.p.Obs.Reason(fmt.Sprintf("destination %s, which is not required, goes without: %s", o.place.Name, text))
	o.p.Log.Warn("destination goes without", zap.String("uid", words.Quote(row.UID)), zap.String("destination", o.place.Name), zap.String("reason", text))
	o.p.Obs.Mention(fmt.Sprintf("destination %s, which is not required, goes without what it refused: %s", o.place.Name, text))
	o.p.Obs.Waived()
	o.mu.Lock()
	o.waived++
	o.mu.Unlock()
}

// noteWithout keeps how many there were.
func (p *Settler) noteWithout() {
	now := p.now().Unix()
	for _, d := range p.Places {
		if d.out == nil || d.out.waived == 0 {
			continue
		}
		if p.Health.Without == nil {
			p.Health.Without = map[string]health.MissedMail{}
		}
		p.Health.Without[d.Name] = health.MissedMail{N: p.Health.Without[d.Name].N + d.out.waived, Last: now}
	}
}
