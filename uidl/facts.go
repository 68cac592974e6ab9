package uidl

import "math/bits"

// Facts are what is known of a message and the destinations of its account: what each of them has is written where it
// came to be known, in the transaction that settles the delivery, and never concluded later from what is configured.
type Facts struct {
	Have   Places // has it durably
	Waived Places // will not get it, as was decided: refused where optional, taken by the fallback
	// Generation is Info.Generation when it was first retrieved; 0 also when it never was; or BeforeAll. Of one that is Seen,
	// which was never retrieved, it says by which word of a person, if the caller numbers those.
	Generation int64
}

// BeforeAll is the Facts.Generation of a message that is older than every set of destinations: it was found at one of them
// after the ledger had lost it, or, where no place has it, was delivered before and is to be fetched again.
const BeforeAll = -1

// Places is a set of destinations by ordinal, with four members that are no destinations of today. It is stored.
type Places uint64

// Members that are no destinations. The numbers are stored; never renumber.
const (
	Former Places = 1 << 0 // a place that is known no more
	Legacy Places = 1 << 1 // all that schema 1 counted as required when it was delivered
	Seen   Places = 1 << 2 // marked as seen by a person; was never retrieved. No destination lacks it; never deleted by policy
	Unsure Places = 1 << 3 // nobody saw it become durable, or which message it is: never deleted by policy
)

// givenUp is Seen and Unsure at once: a person decided that a message goes to no destination that lacks it. Each of the two keeps
// it from being deleted, in versions too that do not know the two together.
const givenUp = Seen | Unsure

// GivenUp tells that a person gave a message up. No destination lacks it, and policy never deletes it.
func (p Places) GivenUp() bool { return p&givenUp == givenUp }

// Unproven tells that a message is Unsure, and was not given up.
func (p Places) Unproven() bool { return p&givenUp == Unsure }

// Ordinals is how many destinations an account can know at once.
const Ordinals = 48

// PlaceOf is the set of one destination; the ordinal is from 0 to Ordinals-1.
func PlaceOf(ordinal int) Places { return 1 << (4 + ordinal) }

// Has tells whether p has any member of q.
func (p Places) Has(q Places) bool { return p&q != 0 }

// Destinations leaves the members that are destinations, known ones or not: without Seen and Unsure.
func (p Places) Destinations() Places { return p &^ (Seen | Unsure) }

// Each yields the ordinals in the set, from the lowest.
func (p Places) Each(yield func(ordinal int) bool) {
	for rest := p >> 4; rest != 0; rest &= rest - 1 {
		if !yield(bits.TrailingZeros64(uint64(rest))) {
			return
		}
	}
}

// Destination is what the ledger remembers of a destination. Its ordinal stands for it in Facts, whatever its name.
type Destination struct {
	Ordinal  int    // from 0 to Ordinals-1, unique in its account
	Name     string // unique in its account: as configured; of one that is not configured as it was, or what Aside made of that
	Identity string // opaque, from deliver.Target; "" when only the name is known
	Role     Role   // as it was last configured
	Born     int64  // Info.Generation since which it is known; 0: from the account's beginning, or by schema 1
	Since    int64  // Info.Generation in which it last became required or came back: older messages it need not have
	Rest     Rest   // what a person decided of those older messages
}

// Aside is the name of a destination whose own was given to another: no configuration can have it.
func (d *Destination) Aside() string {
	return d.Name + "~" + string(rune('a'+d.Ordinal/26)) + string(rune('a'+d.Ordinal%26))
}

// Role is what a destination is for. The numbers are stored; never renumber.
type Role uint8

const (
	NotConfigured Role = 0
	Required      Role = 1
	Optional      Role = 2 // best effort: a message counts as delivered without it
	Fallback      Role = 3 // takes what others refuse for good, and nothing else
	UnknownRole   Role = 4 // recorded by schema 1, which did not say
	WasOptional   Role = 5 // as NotConfigured, of one that was optional: nothing waits for what is open for it
)

// Rest is what becomes of messages that are older than a destination. The numbers are stored; never renumber.
type Rest uint8

const (
	Undecided Rest = 0 // it does not get them, and policy does not delete them
	Fetch     Rest = 1 // it gets what the server still lists
	Without   Rest = 2 // it does not get them, and policy may delete them
)
