package facts

import (
	"testing"

	"github.com/popsync/popsync/uidl"
)

// TestSet is the table of what a message lacks, and of what keeps it on the server.
func TestSet(t *testing.T) {
	a, b, c := uidl.PlaceOf(0), uidl.PlaceOf(1), uidl.PlaceOf(2)
	required := func(ordinal int, born, since int64) uidl.Destination {
		return uidl.Destination{Ordinal: ordinal, Role: uidl.Required, Born: born, Since: since}
	}
	of := func(d uidl.Destination, role uidl.Role, rest uidl.Rest) uidl.Destination {
		d.Role, d.Rest = role, rest
		return d
	}
	type facts = uidl.Facts
	for _, tc := range []struct {
		name   string
		ownRow []uidl.Destination
		facts  facts
		lacks  uidl.Places
		keeps  string
	}{
		{"all have it", []uidl.Destination{required(0, 0, 0), required(1, 0, 0)}, facts{Have: a | b}, 0, ""},
		{"one lacks it", []uidl.Destination{required(0, 0, 0), required(1, 0, 0)}, facts{Have: a}, b, ReasonYounger},
		{"one goes without", []uidl.Destination{required(0, 0, 0), required(1, 0, 0)}, facts{Have: a, Waived: b}, 0, ""},
		{"an optional one lacks it", []uidl.Destination{required(0, 0, 0), of(required(1, 0, 0), uidl.Optional, 0)}, facts{Have: a}, 0, ""},
		{"only an optional one has it", []uidl.Destination{required(0, 0, 0), of(required(1, 0, 0), uidl.Optional, 0)}, facts{Have: b}, a, ReasonYounger},
		{"nobody has it", []uidl.Destination{required(0, 0, 0), required(1, 3, 3)}, facts{Generation: 1}, a | b, ReasonYounger},

		{"added later", []uidl.Destination{required(0, 0, 0), required(1, 1, 1)}, facts{Have: a}, 0, ReasonYounger},
		{"added later, and a newer message", []uidl.Destination{required(0, 0, 0), required(1, 1, 1)}, facts{Have: a, Generation: 1}, b, ReasonYounger},
		{"added later, the rest wanted", []uidl.Destination{required(0, 0, 0), of(required(1, 1, 1), uidl.Required, uidl.Fetch)}, facts{Have: a}, b, ReasonYounger},
		{"added later, the rest let go", []uidl.Destination{required(0, 0, 0), of(required(1, 1, 1), uidl.Required, uidl.Without)}, facts{Have: a}, 0, ""},
		{"the rest let go says nothing of newer ones", []uidl.Destination{required(0, 0, 0), of(required(1, 1, 1), uidl.Required, uidl.Without)}, facts{Have: a, Generation: 1}, b, ReasonYounger},

		{"only one that is gone has it", []uidl.Destination{of(required(0, 0, 1), uidl.NotConfigured, 0), required(1, 1, 1)}, facts{Have: a}, 0, ReasonYounger},
		{"only one that is gone has it, the rest let go", []uidl.Destination{of(required(0, 0, 1), uidl.NotConfigured, 0), of(required(1, 1, 1), uidl.Required, uidl.Without)}, facts{Have: a}, 0, ReasonFormer},
		{"only one that nobody remembers has it", []uidl.Destination{required(1, 1, 1)}, facts{Have: uidl.Former}, 0, ReasonYounger},
		{"one was removed, the other has it", []uidl.Destination{required(0, 0, 0), of(required(1, 0, 1), uidl.NotConfigured, 0)}, facts{Have: a}, 0, ""},

		{"seen", []uidl.Destination{required(0, 0, 0)}, facts{Have: uidl.Seen}, 0, ReasonSeen},
		{"seen, another destination, the rest wanted", []uidl.Destination{of(required(1, 1, 1), uidl.Required, uidl.Fetch)}, facts{Have: uidl.Seen}, 0, ReasonSeen},
		{"unsure", []uidl.Destination{required(0, 0, 0)}, facts{Have: a | uidl.Unsure}, 0, ReasonUnsure},

		{"given up", []uidl.Destination{required(0, 0, 0), required(1, 0, 0)}, facts{Have: a | uidl.Seen | uidl.Unsure}, 0, reasonGivenUp},
		{"given up, nobody has it", []uidl.Destination{required(0, 0, 0)}, facts{Have: uidl.Seen | uidl.Unsure}, 0, reasonGivenUp},
		{"given up, the rest wanted", []uidl.Destination{required(0, 0, 0), of(required(1, 1, 1), uidl.Required, uidl.Fetch)}, facts{Have: a | uidl.Seen | uidl.Unsure}, 0, reasonGivenUp},

		{"of schema 1", []uidl.Destination{required(0, 0, 0), required(1, 0, 0)}, facts{Have: uidl.Legacy}, 0, ""},
		{"of schema 1, one added", []uidl.Destination{required(0, 0, 0), required(1, 1, 1)}, facts{Have: uidl.Legacy}, 0, ReasonYounger},
		{"of schema 1, one gone", []uidl.Destination{required(0, 0, 0), of(required(1, 0, 1), uidl.NotConfigured, 0)}, facts{Have: uidl.Legacy}, 0, ReasonBefore},
		{"of schema 1, one that was optional gone", []uidl.Destination{required(0, 0, 0), of(required(1, 0, 1), uidl.WasOptional, 0)}, facts{Have: uidl.Legacy}, 0, ""},
		{"of schema 1, one left and came back", []uidl.Destination{required(0, 0, 0), required(1, 0, 2)}, facts{Have: uidl.Legacy}, 0, ReasonYounger},
		{"of schema 1, all are others", []uidl.Destination{of(required(0, 0, 1), uidl.NotConfigured, 0), of(required(1, 1, 1), uidl.Required, uidl.Without)}, facts{Have: uidl.Legacy}, 0, ReasonBefore},

		{"the fallback has it", []uidl.Destination{required(0, 0, 0), of(required(2, 0, 0), uidl.Fallback, 0)}, facts{Have: c, Waived: a}, 0, ""},
		{"a fallback alone does not count", []uidl.Destination{required(0, 0, 0), of(required(2, 0, 0), uidl.Fallback, 0)}, facts{Have: c}, a, ReasonYounger},
	} {
		s := NewSet(tc.ownRow, 5)
		if lacks, keeps := s.Lacks(tc.facts), s.Keeps(tc.facts); lacks != tc.lacks || keeps != tc.keeps {
			t.Errorf("%s: lacks %b and keeps %q, not %b and %q", tc.name, lacks, keeps, tc.lacks, tc.keeps)
		}
	}
}
