package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/uidl"
)

// Identify finds out which of the destinations that the ledger knows each configured one is, makes sure that it is there,
// and remembers what changed before anything is staged.
func (p *Destinations) Identify(ctx context.Context) error {
	m, err := p.recognisePlaces(ctx)
	if err != nil {
		return err
	}
	known := map[int]uidl.Destination{}
	for _, d := range p.Settler.Known {
		known[d.Ordinal] = d
	}
	c := uidl.Change{Fold: m.fold, Destinations: m.changed}
	for i, d := range p.Settler.Places {
		row := m.of[i]
		id, err := d.Target.Identify(ctx, row.Identity)
		if err != nil {
			return fmt.Errorf("destination %s: %w", d.Name, err)
		}
		row.Identity = id
		if slices.Contains(m.fold, row.Ordinal) || known[row.Ordinal] != row {
			c.Destinations = append(c.Destinations, row)
		}
		m.of[i] = row
	}
	if m.generation != p.Settler.L.Info().Generation {
		c.Generation = m.generation
	}
	for _, news := range m.news {
		p.Rec.Mention(news)
		p.Settler.Log.Warn("destinations changed", zap.String("what", news))
	}
	if len(known) == 0 {
		c.Status = p.Status() // whose mailbox it is must stand in the row from its beginning: by that it is known if renamed
	}
	if err := p.distrust(ctx, &c, known, m.of); err != nil {
		return err
	}
	if err := p.unburden(ctx, &c, known, m); err != nil {
		return err
	}
	if len(c.Destinations)+len(c.Fold) > 0 || c.Generation != 0 {
		if err := p.Settler.Commit(ctx, c); err != nil {
			return err
		}
		if p.Settler.Known, err = p.Settler.L.Destinations(ctx); err != nil {
			return err
		}
	}
	p.setPlaces(p.Settler.Known, m)
	return nil
}

// unburden marks as delivered what waits for nothing but destinations that are not required any more: whoever settles such a
// delivery later does not count it. A message that is listed shows that by itself; one that has no unique-id, or left the
// listing, does not.
func (p *Destinations) unburden(ctx context.Context, c *uidl.Change, known map[int]uidl.Destination, m *matched) error {
	now := maps.Clone(known)
	freed, optional := map[string]bool{}, map[string]bool{}
	for _, d := range slices.Concat(m.of, m.changed) {
		was, met := known[d.Ordinal]
		now[d.Ordinal] = d
		freed[was.Name] = freed[was.Name] || met && was.Role == uidl.Required && d.Role == uidl.Optional
	}
	for k, d := range now {
		optional[known[k].Name] = d.Role == uidl.Optional || d.Role == uidl.WasOptional
	}
	if !slices.Contains(slices.Collect(maps.Values(freed)), true) {
		return nil
	}
	pending, err := p.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	var keys []uidl.Key
	waits := map[uidl.Key]bool{}
	for _, row := range pending {
		if freed[row.Destination] {
			keys = append(keys, row.Key)
		}
		waits[row.Key] = waits[row.Key] || !optional[row.Destination]
	}
	rows, err := p.Settler.L.Find(ctx, keys)
	set := facts.NewSet(slices.Collect(maps.Values(now)), m.generation)
	for _, r := range rows {
		if (r.State == uidl.Wanted || r.State == uidl.Parked) && !waits[r.Key] && set.Lacks(r.Facts) == 0 && r.Have.Destinations() != 0 {
			c.Mark = append(c.Mark, p.Settler.Whole(r.Key, r.Facts, set))
		}
	}
	return err
}

// distrust takes back what the migration of schema 1 had to assume of messages with open deliveries: that each destination
// for which none is open has them. Of those that are not required nobody had noted that.
func (p *Destinations) distrust(ctx context.Context, c *uidl.Change, known map[int]uidl.Destination, now []uidl.Destination) error {
	var places uidl.Places
	for _, d := range now {
		if known[d.Ordinal].Role == uidl.UnknownRole && d.Role != uidl.Required {
			places |= uidl.PlaceOf(d.Ordinal)
		}
	}
	if places == 0 {
		return nil
	}
	pending, err := p.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	var keys []uidl.Key
	for _, row := range pending {
		if row.Message.Have.Has(places) {
			keys = append(keys, row.Key)
		}
	}
	rows, err := p.Settler.L.Find(ctx, keys)
	for _, m := range rows {
		m.Have &^= places
		c.Put = append(c.Put, m)
	}
	return err
}

// Foresee is identify for a dry run: nothing is made or written, and a place that is not there yet counts as it would.
func (p *Destinations) Foresee(ctx context.Context) error {
	m, err := p.recognisePlaces(ctx)
	if err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(p.Settler.Known), func(d uidl.Destination) bool {
		return slices.ContainsFunc(append(slices.Clone(m.of), m.changed...), func(o uidl.Destination) bool { return o.Ordinal == d.Ordinal })
	})
	p.setPlaces(append(append(known, m.of...), m.changed...), m)
	return nil
}

// recognisePlaces looks at all destinations, and changes nothing. Where another account has just made a Maildir, as it seems,
// it looks again: that may have been between one look and the other.
func (p *Destinations) recognisePlaces(ctx context.Context) (*matched, error) {
	m, met, err := p.lookAtPlaces(ctx)
	if met && err != nil {
		m, _, err = p.lookAtPlaces(ctx)
	}
	return m, err
}

// lookAtPlaces tells, with what it found, whether another account knows one of the places.
func (p *Destinations) lookAtPlaces(ctx context.Context) (m *matched, met bool, err error) {
	known, err := p.Settler.L.Destinations(ctx)
	if err != nil {
		return nil, false, err
	}
	p.Settler.Known = known
	open := map[int]bool{}
	if len(known)+len(p.Settler.Places) > uidl.Ordinals { // else none has to be given up
		pending, err := p.Settler.L.Pending(ctx)
		if err != nil {
			return nil, false, err
		}
		for _, d := range known {
			open[d.Ordinal] = slices.ContainsFunc(pending, func(row uidl.Delivery) bool { return row.Destination == d.Name })
		}
	}
	now := make([]sight, len(p.Settler.Places))
	for i, d := range p.Settler.Places {
		now[i] = sight{name: d.Name, role: d.Role()}
		if now[i].identity, err = d.Target.Recognise(ctx); err != nil {
			return nil, false, fmt.Errorf("destination %s: %w", d.Name, err)
		}
		if l := d.Can().Located; l != nil {
			path, info := l.Locate()
			now[i].path, now[i].info, now[i].used = deliver.Resolve(path), info, l.Used
		}
	}
	m, err = match(known, open, now, p.Settler.L.Info().Generation, p.Settler.Health.Adopt, func(path string) (bool, error) {
		ids, err := p.Ledger.Identities(ctx)
		if err != nil {
			return false, err
		}
		leads := deliver.LeadsTo(path)
		here := slices.ContainsFunc(ids, func(id string) bool { return leads(deliver.PathOf(id)) })
		met = met || here
		return here, nil
	})
	return m, met, err
}

// setPlaces gives the destinations of the pass their ordinals.
func (p *Destinations) setPlaces(all []uidl.Destination, m *matched) {
	p.Settler.Set = facts.NewSet(all, m.generation)
	for i, d := range p.Settler.Places {
		d.Ordinal = m.of[i].Ordinal
	}
}
