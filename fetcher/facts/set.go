// Package facts says what follows from the facts of a message and the destinations that are configured now: which of them lack it, and
// whether policy may delete it. Pure functions; nothing of it is stored, and nothing else decides either question.
//
// fetcher/plan and fetcher/settle go by it, and the rooms that change or show the set of destinations.
package facts

import (
	"time"

	"github.com/popsync/popsync/uidl"
)

// Set is the destinations of an account as they are configured now, seen by what messages must be at. What a message lacks,
// and whether policy may delete it, follow from its facts and from this alone; neither is stored.
type Set struct {
	Required, optional, Fallback uidl.Places
	spare                        uidl.Places // optional, or was so when it was removed
	legacy                       uidl.Places // of the required: those that schema 1 knew, and that were required since
	broken                       bool        // a place that schema 1 knew, and that may have been required, is not configured
	Generation                   int64
	since                        [uidl.Ordinals]int64
	rest                         [uidl.Ordinals]uidl.Rest
}

// NewSet is the set of all that the ledger knows, configured or not.
func NewSet(known []uidl.Destination, generation int64) *Set {
	s := &Set{Generation: generation}
	for _, d := range known {
		place := uidl.PlaceOf(d.Ordinal)
		s.since[d.Ordinal], s.rest[d.Ordinal] = d.Since, d.Rest
		if d.Born == 0 {
			s.broken = s.broken || d.Role == uidl.NotConfigured
			if d.Role == uidl.Required && d.Since == 0 {
				s.legacy |= place
			}
		}
		switch d.Role {
		case uidl.Required:
			s.Required |= place
		case uidl.Optional:
			s.optional |= place
			s.spare |= place
		case uidl.WasOptional:
			s.spare |= place
		case uidl.Fallback:
			s.Fallback |= place
		}
	}
	return s
}

// missing are the required destinations for which nothing says that they have a message, or go without it.
func (s *Set) missing(f uidl.Facts) uidl.Places {
	missing := s.Required &^ (f.Have | f.Waived)
	if f.Have.Has(uidl.Legacy) {
		missing &^= s.legacy
	}
	return missing
}

// Lacks are the destinations that a message must still get to. One that was added, came back or became required after the
// message was retrieved lacks it only if a person wants that, or if no place has it.
func (s *Set) Lacks(f uidl.Facts) uidl.Places {
	missing := s.missing(f)
	switch {
	case missing == 0, f.Have.Has(uidl.Seen):
		return 0
	case f.Have.Destinations() == 0:
		return missing
	}
	for o := range missing.Each {
		if f.Generation < s.since[o] && s.rest[o] != uidl.Fetch {
			missing &^= uidl.PlaceOf(o)
		}
	}
	return missing
}

// StoodIn tells whether the fallback took a message in place of a destination that was not optional.
func (s *Set) StoodIn(f uidl.Facts) bool { return f.Waived&^s.spare != 0 }

// FetchesRest tells whether a destination is to get what is older than it.
func (s *Set) FetchesRest() bool {
	for o := range s.Required.Each {
		if s.rest[o] == uidl.Fetch {
			return true
		}
	}
	return false
}

// Younger are the destinations that were added, came back or became required after the message was retrieved.
func (s *Set) Younger(f uidl.Facts) (p uidl.Places) {
	for o := range s.Required.Each {
		if f.Generation < s.since[o] {
			p |= uidl.PlaceOf(o)
		}
	}
	return p
}

// Why facts keep a message from being deleted, for people.
const (
	reasonGivenUp = "given up: stays on the server" // see fetcher.GiveUp
	ReasonSeen    = "marked as seen, never fetched"
	ReasonUnsure  = "not deleted: nobody saw it safe at its destination"
	ReasonBefore  = "not deleted: delivered before the upgrade, to a destination that is not configured any more"
	ReasonYounger = "not deleted: a destination that was added later does not have it"
	ReasonFormer  = "not deleted: only a destination that is not configured any more has it"
)

// Keeps is why a message must stay on the server, whatever policy says; "": facts do not speak against its deletion. Every
// required destination must have it, or go without it by a decision about this very message, and one of those that are
// configured now must have it.
func (s *Set) Keeps(f uidl.Facts) string {
	legacy := f.Have.Has(uidl.Legacy)
	switch {
	case f.Have.GivenUp():
		return reasonGivenUp
	case f.Have.Has(uidl.Seen):
		return ReasonSeen
	case f.Have.Has(uidl.Unsure):
		return ReasonUnsure
	case legacy && s.broken:
		return ReasonBefore
	}
	for o := range s.missing(f).Each {
		if s.rest[o] != uidl.Without || f.Generation >= s.since[o] {
			return ReasonYounger
		}
	}
	if f.Have.Has(s.Required|s.optional|s.Fallback) || legacy && s.legacy != 0 {
		return ""
	}
	return ReasonFormer
}

// QuarantineHold is how long a message that only a fallback has stays on the server: one wrong setting of a relay must
// not empty a mailbox into the quarantine before anybody has looked.
const QuarantineHold = 7 * 24 * time.Hour
