package fetcher

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A person may give a message up that no destination takes, or that the server does not give: then it goes to no destination that
// lacks it. Nothing is deleted on the server for that, then or later: in its facts it is Seen and Unsure at once. Where the server
// does not list it, the copy that waits here may be the last, so that must be saved first.

// What the row of a message says that was given up. They are stored: never reword them.
const (
	rowGivenUp = "given up by a person"
	rowUnsure  = "; unsure before"   // it was Unsure, and is again when it is taken back
	rowSaved   = "; its copy is in " // and the path
)

// GivingUp says what a person gives up.
type GivingUp struct {
	// Pick chooses among the messages of which something failed. Its error ends it, and nothing is changed.
	Pick func([]uidl.Stuck) ([]uidl.Stuck, error)
	// Copy opens the staged bytes of a delivery, by the identity of its destination.
	Copy func(identity string, t deliver.Ticket) (io.ReadCloser, error)
	// Save keeps the copy of the only message that was chosen, and returns once that is durable; nil: nobody wants that.
	Save func(copy io.Reader) error
	// Saved is the path where it is then, printable.
	Saved string
	// Lost gives a message up of which no copy is left here, and that the server is not known to list.
	Lost bool
}

// GaveUp is a message that was given up, or taken back.
type GaveUp struct {
	uidl.Key
	Listed  bool     // the server lists it
	Unknown string   // why it is not known whether it does; "": it is known
	Saved   bool     // its copy was saved
	Places  []string // the destinations that go without, or get it after all, by name
}

// GiveUp gives messages up. Where that might lose one, nothing is changed: the error is a *LastCopyError. It closes the Targets.
// uidl.ErrBusy while a pass runs.
func GiveUp(ctx context.Context, ledger uidl.Ledger, a Account, o Options, g GivingUp) ([]GaveUp, error) {
	p, err := lookAt(ctx, ledger, a, o)
	if err != nil {
		return nil, err
	}
	defer p.desk.Settler.L.Close()
	all, err := ledger.Stuck(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s uidl.Stuck) bool { return !s.Fails() })
	picked, err := g.Pick(all)
	if err != nil || len(picked) == 0 {
		return nil, err
	}
	for _, s := range picked {
		for _, d := range s.Open {
			if d.State == uidl.Publishing {
				return nil, &HalfWayError{Key: s.Key, Destination: d.Destination}
			}
		}
	}
	seen := sightings{unknown: "the server was not asked"}
	if g.Save == nil {
		if seen = p.lookFor(ctx, picked); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	} else if err := p.save(g, &picked[0]); err != nil {
		return nil, err
	}
	var last []LastCopy
	for i := range picked {
		listed, unknown := seen.of(&picked[i])
		if listed || g.Save != nil {
			continue
		}
		if has := p.hasCopy(g, &picked[i]); has || !g.Lost {
			last = append(last, LastCopy{Key: picked[i].Key, Unknown: unknown, Copy: has})
		}
	}
	if len(last) > 0 {
		return nil, &LastCopyError{last}
	}
	return p.giveUp(ctx, g, all, picked, seen)
}

// giveUp writes it down, and removes the copies that nobody waits for any more. all is what failed before.
func (p *pass) giveUp(ctx context.Context, g GivingUp, all, picked []uidl.Stuck, seen sightings) ([]GaveUp, error) {
	c := uidl.Change{At: p.desk.Now().Unix()}
	var out []GaveUp
	for i := range picked {
		s := &picked[i]
		gave := GaveUp{Key: s.Key, Saved: g.Save != nil, Places: p.lacking(s)}
		gave.Listed, gave.Unknown = seen.of(s)
		m := s.Message
		reason := rowGivenUp
		if m.Have.Has(uidl.Unsure) {
			reason += rowUnsure
		}
		if gave.Saved {
			reason += rowSaved + g.Saved
		}
		m.State, m.Attempts, m.NextTry, m.Reason = uidl.Delivered, 0, 0, words.Clip(reason)
		m.Have |= uidl.Seen | uidl.Unsure
		if m.Fingerprint == (uidl.Fingerprint{}) {
			m.Fingerprint = seen.headers[m.Key]
		}
		if !gave.Listed && m.GoneAt == 0 && (gave.Unknown == "" || s.State == uidl.DeleteSent) {
			// Nothing is left of it on the server. Should it be listed again, it is still given up.
			m.GoneAt, m.GoneListing = p.desk.Settler.L.Info().Clock.Now(c.At), p.desk.Settler.L.Info().Listings
		}
		p.desk.Health.Wire.Forget(m.Key) // it is not read again
		c.Put = append(c.Put, m)
		for _, d := range s.Open {
			c.Settle = append(c.Settle, uidl.Settled{Key: d.Key, Destination: d.Destination})
		}
		out = append(out, gave)
	}
	given := map[uidl.Key]bool{}
	for i := range picked {
		given[picked[i].Key] = true
	}
	p.desk.Health.Parked = 0
	left := 0
	for i := range all {
		if s := &all[i]; !given[s.Key] {
			left++
			p.desk.Health.Parked += desk.Count(s.Unfetched() && s.State == uidl.Parked)
		}
	}
	c.Status = p.desk.Status()
	if left == 0 {
		if err := p.pardon(ctx, &c); err != nil {
			return nil, err
		}
	}
	if err := p.desk.Settler.Commit(ctx, c); err != nil {
		return nil, err
	}
	for i := range picked {
		for _, d := range picked[i].Open {
			p.discard(d)
		}
	}
	return out, nil
}

// lacking names the destinations that a message must still get to, and those that something is open for.
func (p *pass) lacking(s *uidl.Stuck) (names []string) {
	lacks := p.desk.Settler.Set.Lacks(s.Facts)
	for _, d := range p.desk.Settler.Known {
		open := slices.ContainsFunc(s.Open, func(o uidl.Delivery) bool { return o.Destination == d.Name })
		if open || lacks.Has(uidl.PlaceOf(d.Ordinal)) {
			names = append(names, d.Name)
		}
	}
	return names
}

func (p *pass) identity(destination string) string {
	for _, d := range p.desk.Settler.Known {
		if d.Name == destination {
			return d.Identity
		}
	}
	return ""
}

// hasCopy tells whether there may be bytes of a message here; what cannot be looked at may be one.
func (p *pass) hasCopy(g GivingUp, s *uidl.Stuck) bool {
	for _, d := range s.Open {
		if d.Ticket == "" {
			continue
		}
		body, err := g.Copy(p.identity(d.Destination), deliver.Ticket(d.Ticket))
		if err == nil {
			body.Close()
			return true
		} else if !errors.Is(err, deliver.ErrUnknown) {
			return true
		}
	}
	return false
}

// save keeps the first copy of a message that is whole.
func (p *pass) save(g GivingUp, s *uidl.Stuck) error {
	for _, d := range s.Open {
		if d.Ticket == "" {
			continue
		}
		body, err := g.Copy(p.identity(d.Destination), deliver.Ticket(d.Ticket))
		if err == nil {
			err = g.Save(body)
			body.Close()
		}
		if !errors.Is(err, deliver.ErrUnknown) && !errors.Is(err, deliver.ErrDamaged) {
			return err
		}
	}
	return &NoCopyError{s.Key}
}

// discard removes the copy of a delivery to a remote destination that the ledger does not hold any more. One that cannot be
// removed is swept by a later pass, and a Maildir cleans its own.
func (p *pass) discard(d uidl.Delivery) {
	identity := p.identity(d.Destination)
	if d.Ticket == "" || p.desk.Account.Spool == nil || deliver.PathOf(identity) != "" {
		return
	}
	if spool, err := p.desk.Account.Spool(identity); err == nil {
		_ = spool.Discard([]deliver.Ticket{deliver.Ticket(d.Ticket)})
		_ = spool.Close()
	}
}
