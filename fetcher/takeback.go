package fetcher

import (
	"context"
	"slices"
	"strings"

	"github.com/popsync/popsync/uidl"
)

// TakeBack undoes GiveUp: the next pass fetches the messages again that the server lists, for all destinations that lack them.
// pick chooses among all that were given up. One that the server does not list is a *NotListedError, and nothing is changed. It
// closes the Targets. uidl.ErrBusy while a pass runs.
func TakeBack(ctx context.Context, ledger uidl.Ledger, a Account, o Options, pick func([]uidl.Stuck) ([]uidl.Stuck, error)) ([]GaveUp, error) {
	p, err := lookAt(ctx, ledger, a, o)
	if err != nil {
		return nil, err
	}
	defer p.desk.Settler.L.Close()
	all, err := ledger.Stuck(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	picked, err := pick(slices.DeleteFunc(all, func(s uidl.Stuck) bool { return !s.Have.GivenUp() }))
	if err != nil || len(picked) == 0 {
		return nil, err
	}
	seen := p.lookFor(ctx, picked)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	c := uidl.Change{At: p.desk.Now().Unix()}
	var out []GaveUp
	for i := range picked {
		s := &picked[i]
		back := GaveUp{Key: s.Key}
		back.Listed, back.Unknown = seen.of(s)
		if !back.Listed && (back.Unknown == "" || s.GoneAt != 0) {
			_, saved, _ := strings.Cut(s.Reason, rowSaved)
			return nil, &NotListedError{Key: s.Key, Unknown: back.Unknown, Saved: saved}
		}
		if back.Listed {
			s.GoneAt, s.GoneListing = 0, 0
		}
		p.takeBack(&s.Message)
		back.Places = p.lacking(s)
		c.Put = append(c.Put, s.Message)
		out = append(out, back)
	}
	return out, p.desk.Settler.Commit(ctx, c)
}

// takeBack makes a row as it was before it was given up, as far as it says so; where it does not, the message stays Unsure.
func (p *pass) takeBack(m *uidl.Message) {
	before := strings.HasPrefix(m.Reason, rowGivenUp) && !strings.HasPrefix(m.Reason, rowGivenUp+rowUnsure)
	m.Have &^= uidl.Seen
	// What the fallback has stays for some days before policy may delete it; that time is not known any more.
	if before && !m.Have.Has(p.desk.Settler.Set.Fallback) || m.Have.Destinations() == 0 {
		m.Have &^= uidl.Unsure
	}
	// Where a destination goes without because the fallback was to take it, and that has not, it is asked again.
	if !m.Have.Has(p.desk.Settler.Set.Fallback | uidl.Former) {
		m.Waived &^= p.desk.Settler.Set.Required
	}
	m.State, m.Attempts, m.NextTry, m.Reason = uidl.Wanted, 0, 0, ""
}
