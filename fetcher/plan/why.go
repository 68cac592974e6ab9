package plan

import "slices"

// Why is the reason of a step in one octet: a first import has a million steps. The zero value is none.
type Why uint8

// whys are the reasons that steps may have.
var whys = [...]string{
	"", reasonNew, reasonRetry, reasonParked, reasonOwed, ReasonTooLarge, ReasonNoUID, ReasonNoSpace, ReasonSize, reasonReturned,
	reasonElsewhere, ReasonUndeleted, reasonDue, ReasonDuplicate, ReasonNotSame, ReasonLimit, ReasonTagged, ReasonUnproven, ReasonShort,
	reasonStump, ReasonAgain, ReasonHeld, ReasonFirst,
}

// WhyOf is one of the reasons of this package; another one would be lost.
func WhyOf(reason string) Why { return Why(max(0, slices.Index(whys[:], reason))) }

// String is the reason as people read it.
func (w Why) String() string { return whys[w] }

// Is tells whether it is this reason.
func (w Why) Is(reason string) bool { return whys[w] == reason }
