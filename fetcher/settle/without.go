package settle

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// goesWithout notes one of them.
func (y standIn) goesWithout(row uidl.Delivery, why error) {
	text := words.Clip(why.Error())
	y.o.p.Obs.Reason(fmt.Sprintf("destination %s, which is not required, goes without: %s", y.o.place.Name, text))
	y.o.p.Log.Warn("destination goes without", zap.String("uid", words.Quote(row.UID)), zap.String("destination", y.o.place.Name), zap.String("reason", text))
	y.o.p.Obs.Mention(fmt.Sprintf("destination %s, which is not required, goes without what it refused: %s", y.o.place.Name, text))
	y.o.p.Obs.Waived()
	y.o.mu.Lock()
	y.o.waived++
	y.o.mu.Unlock()
}

// noteWithout keeps how many there were, and what fallbacks took.
func (x outages) noteWithout() {
	now := x.p.now().Unix()
	for _, d := range x.p.Places {
		if d.out != nil && len(d.out.diverted) > 0 {
			x.p.Health.AddDiverted(d.out.diverted)
		}
		if d.out == nil || d.out.waived == 0 {
			continue
		}
		if x.p.Health.Without == nil {
			x.p.Health.Without = map[string]health.MissedMail{}
		}
		x.p.Health.Without[d.Name] = health.MissedMail{N: x.p.Health.Without[d.Name].N + d.out.waived, Last: now}
	}
}
