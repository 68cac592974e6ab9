package fetcher

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A destination that is not required goes without what it refuses for good, or what is lost of it: nothing waits for that, and no
// pass fails. So it is told: in the log, with the pass, and for a while in status.

// Without is mail that a destination which is not required refused for good.
type Without struct {
	Destination string
	Messages    int
	Last        time.Time // when it refused the last of them
}

// Words tell people about it.
func (w Without) Words() string {
	what := fmt.Sprintf("%d messages go", w.Messages)
	if w.Messages == 1 {
		what = "1 message goes"
	}
	return fmt.Sprintf("%s without %s, which is not required and refused to take that (the last at %s)", what, w.Destination, words.Stamp(w.Last.Unix()))
}

// goesWithout notes one of them.
func (o *outbox) goesWithout(row uidl.Delivery, why error) {
	text := words.Clip(why.Error())
	o.p.reason(fmt.Sprintf("destination %s, which is not required, goes without: %s", o.d.Name, text))
	o.p.log.Warn("destination goes without", zap.String("uid", words.Quote(row.UID)), zap.String("destination", o.d.Name), zap.String("reason", text))
	o.p.mention(fmt.Sprintf("destination %s, which is not required, goes without what it refused: %s", o.d.Name, text))
	o.p.count(func(r *Report) { r.Waived++ })
	o.mu.Lock()
	o.waived++
	o.mu.Unlock()
}

// noteWithout keeps how many there were.
func (p *pass) noteWithout() {
	now := p.now().Unix()
	for _, d := range p.dests {
		if d.out == nil || d.out.waived == 0 {
			continue
		}
		if p.facts.Without == nil {
			p.facts.Without = map[string]missedMail{}
		}
		p.facts.Without[d.Name] = missedMail{p.facts.Without[d.Name].N + d.out.waived, now}
	}
}

// Without is what destinations that are not required went without of late, at a time; none: nil.
func (s State) Without(now time.Time) (all []Without) {
	for _, name := range slices.Sorted(maps.Keys(s.facts.Without)) {
		w := s.facts.Without[name]
		if at := time.Unix(w.Last, 0); now.Sub(at) <= missedTold && at.Sub(now) <= farthestTry {
			all = append(all, Without{name, w.N, at})
		}
	}
	return all
}
