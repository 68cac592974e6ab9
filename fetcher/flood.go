package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// The flood breaker: far more new mail than an account ever gets is rather a server's fault, or lost memory, than mail.
// Nothing is fetched or deleted until a person looked. It needs a history: where that is thin it never acts.
const (
	floodLeast   = 500            // new messages that are always plausible
	floodTimes   = 20             // and so many times the median of the passes that brought mail
	floodDays    = 4              // and so many times the median of the days with mail, for each day since the last listing
	historyLeast = 5              // passes that brought mail, at least
	historyDays  = 3              // days on which they were, at least
	historyMost  = 30             // passes that are remembered
	historyAge   = 30 * 24 * 3600 // seconds that they count
	secondsADay  = 24 * 3600
)

// arrival is a pass that brought mail.
type arrival struct {
	At  int64 `json:"at"` // Unix seconds
	New int   `json:"new"`
}

// Flood is new mail that is held back until a person says what it is.
type Flood struct {
	Since int64 `json:"since"` // Unix seconds
	New   int   `json:"new"`   // messages that arrived at once
	Usual int   `json:"usual"` // median of the passes that brought mail
}

// floodState is what the pass knows of new mail.
type floodState struct {
	looked  bool // a listing was looked at and let through
	unknown int  // messages in it that the ledger has no row of
}

// floodError ends a pass before anything is fetched.
type floodError struct {
	Flood
	account string
	again   bool // it was told before
}

func (e *floodError) Error() string {
	return fmt.Sprintf("%s arrived at once, where %d %s usual: nothing is fetched or deleted until you say what they are",
		words.Number(e.New, "new message"), e.Usual, words.Plural(e.Usual, "is", "are"))
}

func (e *floodError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Class = verdict.Config
	v.Hint = fmt.Sprintf("look at them with: popsync run --dry-run %[1]s; if they are right, say: popsync accept %[1]s; "+
		"if all of them were seen before, say: popsync baseline %[1]s", e.account)
	return v
}

// toldBefore tells whether an error is an incident that an earlier pass reported.
func toldBefore(err error) bool {
	var e *floodError
	return errors.As(err, &e) && e.again || untried(err)
}

// breaker stops the session if more new messages arrived than is plausible. What was listed before and not fetched yet
// (a first import, a limit, a lost connection) did not arrive now. Where messages are being compared by their content,
// nobody knows yet how many are new; where a limit is set, that is the brake.
func (s *session) breaker(listed int) error {
	if s.formers != nil && s.epoch.many {
		return nil
	}
	unknown := s.plan.Strangers()
	arrived := unknown - s.facts.Backlog
	usual, most := plausible(s.facts.Arrivals, s.now(), s.sinceListing())
	if most == 0 || arrived <= most || s.facts.Accepted != 0 || s.watch.looked || s.a.Policy.Limit > 0 || s.a.RetrHides {
		s.watch = floodState{looked: true, unknown: unknown}
		s.facts.Backlog = unknown
		if unknown > floodLeast {
			// So many are better remembered with the first commit: a killed pass must not make them arrive again.
			st := s.status()
			s.later(func(c *uidl.Change) { c.Status = st })
		}
		return nil
	}
	e := &floodError{Flood: Flood{Since: s.now().Unix(), New: arrived, Usual: usual}, account: s.a.Name}
	if f := s.facts.Flood; f != nil {
		e.again, e.Since = true, f.Since
	}
	s.facts.Flood = &e.Flood
	s.count(func(r *Report) { r.Listed = listed })
	return e
}

// plausible gives how many new messages a pass brings, usually and at most; most is 0 when that cannot be told. A
// mailbox that was not looked at for long has more.
func plausible(history []arrival, now time.Time, gap time.Duration) (usual, most int) {
	var passes, days []int
	var last int64
	for _, a := range history {
		if a.At < now.Unix()-historyAge || a.At > now.Unix() {
			continue
		}
		passes = append(passes, a.New)
		if day := a.At / secondsADay; len(days) == 0 || day != last {
			days, last = append(days, 0), day
		}
		days[len(days)-1] += a.New
	}
	if len(passes) < historyLeast || len(days) < historyDays {
		return 0, 0
	}
	usual = median(passes)
	off := max(1, gap.Hours()/24)
	return usual, max(floodLeast, floodTimes*usual, int(floodDays*off*float64(median(days))))
}

func median(v []int) int {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// sinceListing is the time since the last complete listing.
func (p *pass) sinceListing() time.Duration {
	at := p.l.Info().ListedAt
	if at == 0 {
		return 0
	}
	return p.now().Sub(time.Unix(at, 0))
}

// remember adds what the pass taught of new mail to the account's facts.
func (p *pass) remember(err error) {
	if !p.watch.looked {
		return
	}
	f := &p.facts
	f.Flood, f.Accepted = nil, 0
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Backlog = max(0, p.watch.unknown-(len(p.settled)-p.anew)-p.epoch.fresh)
	// What earlier passes fetched, and what came before and was asked for again, tells nothing of how much comes.
	came := p.rep.New - len(p.caughtUp) - p.anewAll
	if came <= 0 {
		return
	}
	f.Arrivals = append(slices.DeleteFunc(f.Arrivals, func(a arrival) bool { return a.At < p.now().Unix()-historyAge }),
		arrival{At: p.now().Unix(), New: came})
	f.Arrivals = f.Arrivals[max(0, len(f.Arrivals)-historyMost):]
}

// Accept lets what the flood breaker holds back through in the account's next pass, and returns it; nil when nothing is
// held back by it. So are messages that were held back because the ledger may have forgotten them; held is how many.
func Accept(ctx context.Context, ledger uidl.Ledger, account string, now time.Time) (flood *Flood, held int, err error) {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return nil, 0, err
	}
	defer l.Close()
	info := l.Info()
	for row, err := range l.Messages(ctx) {
		if err != nil {
			return nil, 0, err
		}
		held += b2i(row.State == uidl.Held)
	}
	f := decodeFacts(info.Facts)
	if f.Flood == nil && held == 0 {
		return nil, 0, nil
	}
	f.Accepted = now.Unix()
	st := info.Status
	st.Facts = f.encode()
	if err := l.Commit(context.WithoutCancel(ctx), uidl.Change{At: now.Unix(), Release: held > 0, Status: &st}); err != nil {
		return nil, 0, err
	}
	return f.Flood, held, nil
}
