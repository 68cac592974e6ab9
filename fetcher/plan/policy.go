package plan

import (
	"time"

	"github.com/popsync/popsync/uidl"
)

// Delete says what happens to a message on the server once it is durable at every destination.
type Delete int

// The zero value keeps everything.
const (
	DeleteNever Delete = iota
	DeleteAfterDelivery
	DeleteAfterAge // once a listing on an earlier day came Policy.Age after popsync first saw it
)

// Policy is what the person wants for an account. The zero value: keep all, fetch all, whatever the size.
type Policy struct {
	Delete    Delete
	Age       time.Duration // for DeleteAfterAge
	Newest    int           // so many stay on the server whatever Delete says: the last of the listing; 0: none
	Larger    int64         // octets as listed; what is larger goes once it is delivered, unless Delete is DeleteNever; 0: nothing does
	MaxSize   int64         // octets; larger messages are skipped and reported; 0: no limit
	Limit     int           // new messages per pass; 0: no limit
	LimitSize int64         // octets per pass, but for one message that is always fetched; 0: no limit
	First     First         // what is fetched of a mailbox that is seen for the first time
}

// DeletesAtOnce tells whether anything may be deleted in the session that delivered it.
func (p *Policy) DeletesAtOnce() bool {
	return p.Delete == DeleteAfterDelivery || p.Delete == DeleteAfterAge && p.Larger > 0
}

// AtOnce tells that of a message of this size, as listed.
func (p *Policy) AtOnce(size int64) bool {
	return p.Delete == DeleteAfterDelivery || p.Delete == DeleteAfterAge && p.Larger > 0 && size > p.Larger
}

// newest is the least number of those that stay because they are the newest of a listing, which is in the order of its numbers.
func (p *Policy) newest(l Listing) int {
	switch {
	case p.Newest <= 0 || l.Len() == 0:
		return 0
	case p.Newest >= l.Len():
		return 1
	}
	return l.At(l.Len() - p.Newest).Num
}

// Newest tells whether a message stays on the server, whatever policy says of its age and size: it is one of the newest that are
// listed.
func (p *Plan) Newest(num int) bool { return p.newest != 0 && num >= p.newest }

// keeps tells whether policy deletes nothing, whatever it is.
func (in *Input) keeps() bool {
	return in.NeverDelete || in.Policy.Delete != DeleteAfterDelivery && in.Policy.Delete != DeleteAfterAge
}

// Due tells whether policy wants a delivered message deleted, unless it is one of the newest: see Plan.Newest. An age counts from the first sight, and must have been
// reached at an earlier listing on an earlier day: a clock that jumps once deletes nothing.
// size is what it is listed with; 0: nobody knows.
func (in *Input) Due(row uidl.Row, size int64) bool {
	if size == 0 {
		size = row.Size // as it was listed before
	}
	switch {
	case in.NeverDelete, heldUntil(row.NextTry, row.FirstSeen, in.Aged, in.Now):
		return false
	case in.Policy.AtOnce(size):
		return true
	case in.Policy.Delete == DeleteAfterAge:
		return in.Aged-row.FirstSeen >= int64(in.Policy.Age/time.Second)
	}
	return false
}
