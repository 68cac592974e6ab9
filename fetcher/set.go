package fetcher

import "github.com/popsync/popsync/uidl"

// set is the destinations of an account as they are configured now, seen by what messages must be at. What a message lacks,
// and whether policy may delete it, follow from its facts and from this alone; neither is stored.
type set struct {
	required, optional, fallback uidl.Places
	legacy                       uidl.Places // of the required: those that schema 1 knew, and that were required since
	broken                       bool        // a place that schema 1 knew, and that may have been required, is not configured
	generation                   int64
	since                        [uidl.Ordinals]int64
	rest                         [uidl.Ordinals]uidl.Rest
}

// newSet is the set of all that the ledger knows, configured or not.
func newSet(known []uidl.Destination, generation int64) *set {
	s := &set{generation: generation}
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
			s.required |= place
		case uidl.Optional:
			s.optional |= place
		case uidl.Fallback:
			s.fallback |= place
		}
	}
	return s
}

// missing are the required destinations for which nothing says that they have a message, or go without it.
func (s *set) missing(f uidl.Facts) uidl.Places {
	missing := s.required &^ (f.Have | f.Waived)
	if f.Have.Has(uidl.Legacy) {
		missing &^= s.legacy
	}
	return missing
}

// lacks are the destinations that a message must still get to. One that was added, came back or became required after the
// message was retrieved lacks it only if a person wants that, or if no place has it.
func (s *set) lacks(f uidl.Facts) uidl.Places {
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

// fetchesRest tells whether a destination is to get what is older than it.
func (s *set) fetchesRest() bool {
	for o := range s.required.Each {
		if s.rest[o] == uidl.Fetch {
			return true
		}
	}
	return false
}

// younger are the destinations that were added, came back or became required after the message was retrieved.
func (s *set) younger(f uidl.Facts) (p uidl.Places) {
	for o := range s.required.Each {
		if f.Generation < s.since[o] {
			p |= uidl.PlaceOf(o)
		}
	}
	return p
}

// Why facts keep a message from being deleted, for people.
const (
	reasonGivenUp = "given up: stays on the server" // see giveup.go
	reasonSeen    = "marked as seen, never fetched"
	reasonUnsure  = "not deleted: nobody saw it safe at its destination"
	reasonBefore  = "not deleted: delivered before the upgrade, to a destination that is not configured any more"
	reasonYounger = "not deleted: a destination that was added later does not have it"
	reasonFormer  = "not deleted: only a destination that is not configured any more has it"
)

// keeps is why a message must stay on the server, whatever policy says; "": facts do not speak against its deletion. Every
// required destination must have it, or go without it by a decision about this very message, and one of those that are
// configured now must have it.
func (s *set) keeps(f uidl.Facts) string {
	legacy := f.Have.Has(uidl.Legacy)
	switch {
	case f.Have.GivenUp():
		return reasonGivenUp
	case f.Have.Has(uidl.Seen):
		return reasonSeen
	case f.Have.Has(uidl.Unsure):
		return reasonUnsure
	case legacy && s.broken:
		return reasonBefore
	case anyPlace && f.Have.Destinations() != 0:
		return ""
	}
	for o := range s.missing(f).Each {
		if s.rest[o] != uidl.Without || f.Generation >= s.since[o] {
			return reasonYounger
		}
	}
	if f.Have.Has(s.required|s.optional|s.fallback) || legacy && s.legacy != 0 {
		return ""
	}
	return reasonFormer
}
