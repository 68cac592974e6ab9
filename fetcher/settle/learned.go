package settle

import (
	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
)

// recall gives destinations back what they learned in earlier passes, unless they are reached in another way now.
func recall(p *Settler) {
	for _, d := range p.Places {
		l := d.Can().Learner
		if l == nil {
			continue
		}
		what, worked := p.Health.TaughtTo(d.Name, d.Setting)
		deliver.Recall(l, what, worked)
	}
}

// noteLearned remembers what they learned, and tells what else they found.
func noteLearned(p *Settler) {
	taught := map[string]health.Taught{}
	for _, d := range p.Places {
		if t := d.Can().Teller; t != nil {
			for _, found := range t.Tell() {
				p.Log.Warn("destination is not as it was left", zap.String("destination", d.Name), zap.String("note", found))
				p.Obs.Mention(d.Name + ": " + found)
			}
		}
		l := d.Can().Learner
		if l == nil {
			continue
		}
		what, news := l.Learned()
		if what != "" {
			taught[d.Name] = health.Taught{What: what, Setting: d.Setting}
		}
		if news != "" {
			p.Log.Warn("login is weaker than before", zap.String("destination", d.Name), zap.String("note", news))
			p.Obs.Mention(d.Name + ": " + news)
		}
	}
	p.Health.Taught = taught
}
