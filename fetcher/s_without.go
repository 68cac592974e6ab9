package fetcher

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
	o.p.obs.Reason(fmt.Sprintf("destination %s, which is not required, goes without: %s", o.d.Name, text))
	o.p.log.Warn("destination goes without", zap.String("uid", words.Quote(row.UID)), zap.String("destination", o.d.Name), zap.String("reason", text))
	o.p.obs.Mention(fmt.Sprintf("destination %s, which is not required, goes without what it refused: %s", o.d.Name, text))
	o.p.obs.Waived()
	o.mu.Lock()
	o.waived++
	o.mu.Unlock()
}

// noteWithout keeps how many there were.
func (p *settler) noteWithout() {
	now := p.now().Unix()
	for _, d := range p.dests {
		if d.out == nil || d.out.waived == 0 {
			continue
		}
		if p.health.Without == nil {
			p.health.Without = map[string]health.MissedMail{}
		}
		p.health.Without[d.Name] = health.MissedMail{p.health.Without[d.Name].N + d.out.waived, now}
	}
}
