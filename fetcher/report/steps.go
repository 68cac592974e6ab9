package report

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"github.com/popsync/popsync/pop3"
)

// Step is one planned step, for people.
type Step struct {
	Action  string `json:"action"` // fetch, delete, skip, retry, verify, compare, hold
	Num     int    `json:"num"`
	UID     string `json:"uid"`
	Size    int64  `json:"size"`
	Reason  string `json:"reason"`
	From    string `json:"from,omitempty"` // with Options.Headers, as far as the server gave it; printable
	Date    string `json:"date,omitempty"` // likewise, in local time where it can be read
	Subject string `json:"subject,omitempty"`
}

// listing is where the messages of steps stand, by number.
type listing interface {
	Len() int
	At(i int) pop3.Entry
}

// Steps are planned steps, in 8 octets each beside their listing: there may be a million. The zero value is none.
type Steps struct {
	of     listing
	list   []step
	kinds  []kind         // that there are; a few
	inside map[int]Inside // by number
}

type step struct{ at, kind int32 } // at: in the listing

type kind struct{ action, reason string }

// Inside is what a person knows a message by: see Step.
type Inside struct{ From, Date, Subject string }

// NewSteps has room for n steps about messages of a listing.
func NewSteps(of listing, n int) Steps { return Steps{of: of, list: make([]step, 0, n)} }

// Add adds a step about the message with this number, which the listing has.
func (s *Steps) Add(action string, num int, reason string) {
	at := sort.Search(s.of.Len(), func(i int) bool { return s.of.At(i).Num >= num })
	s.list = append(s.list, step{int32(at), s.kindOf(action, reason)})
}

func (s *Steps) kindOf(action, reason string) int32 {
	k := kind{action, reason}
	if i := slices.Index(s.kinds, k); i >= 0 {
		return int32(i)
	}
	s.kinds = append(s.kinds, k)
	return int32(len(s.kinds) - 1)
}

// Sort puts the steps by number; those about one message stay as they were added.
func (s *Steps) Sort() {
	slices.SortStableFunc(s.list, func(a, b step) int { return cmp.Compare(a.at, b.at) })
}

// Len is how many there are.
func (s Steps) Len() int { return len(s.list) }

// At is the i-th step.
func (s Steps) At(i int) Step {
	e, k := s.of.At(int(s.list[i].at)), s.kinds[s.list[i].kind]
	in := s.inside[e.Num]
	return Step{k.action, e.Num, e.UID, e.Size, k.reason, in.From, in.Date, in.Subject}
}

// All yields the steps by number.
func (s Steps) All() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for i := range s.list {
			if !yield(s.At(i)) {
				return
			}
		}
	}
}

// Turn makes another step of the i-th.
func (s *Steps) Turn(i int, action, reason string) { s.list[i].kind = s.kindOf(action, reason) }

// Know tells what stands in the headers of messages, by number.
func (s *Steps) Know(inside map[int]Inside) { s.inside = inside }
