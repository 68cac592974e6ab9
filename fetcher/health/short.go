package health

import (
	"slices"
	"time"

	"github.com/popsync/popsync/uidl"
)

// ShortReading is what was read of such a message; stored with the account.
type ShortReading struct {
	UID    []byte `json:"uid"`
	Dup    int    `json:"dup,omitempty"`
	Size   int64  `json:"size"`                // as listed
	Octets int64  `json:"octets"`              // as read last
	Header string `json:"header"`              // of that: its fingerprint
	Read   int    `json:"read"`                // readings that agree
	All    int    `json:"all"`                 // readings
	Begun  int64  `json:"begun"`               // of all readings, the first (Unix seconds)
	First  int64  `json:"first"`               // of those that agree, the first
	Next   int64  `json:"next"`                // not read before
	Done   bool   `json:"delivered,omitempty"` // and only looked at once more
	Again  bool   `json:"again,omitempty"`     // a longer one was delivered too
	Flight bool   `json:"flight,omitempty"`    // it was first seen in a flight
}

const (
	MostShort   = 500 // messages that are watched at once; others wait for a day
	SameSlack   = 512 // octets by which readings of one message may differ: servers add lines
	ShortSoon   = time.Hour
	ShortDay    = 20 * time.Hour // apart enough to be another day
	ShortPeace  = 72 * time.Hour // what never reads the same is delivered after that
	ShortMany   = 6              // and so many readings
	FewSuspects = 5              // sessions for one each, where LIST n cannot tell whether a message was cut
)

// Key is the ledger key of the message.
func (e *ShortReading) Key() uidl.Key { return uidl.Key{UID: string(e.UID), Dup: e.Dup} }

// Pause is the longest time until it is read again: longer and longer once it was read four times.
func (e *ShortReading) Pause() time.Duration { return ShortDay << min(max(e.All-4, 0), 5) }

// Reading is what is remembered of a message that came short; nil: nothing.
func (w *WireFacts) Reading(k uidl.Key) *ShortReading {
	for i := range w.Short {
		if w.Short[i].Key() == k {
			return &w.Short[i]
		}
	}
	return nil
}

// Forget drops what is remembered of a message that came short.
func (w *WireFacts) Forget(k uidl.Key) {
	w.Short = slices.DeleteFunc(w.Short, func(e ShortReading) bool { return e.Key() == k })
}

// Move lets what is remembered of delivered messages go to the keys that their rows go to; all of these are other places of one
// unique-id. What is not delivered and had such a place is another message, and is read anew. false: there was nothing to move.
func (w *WireFacts) Move(to map[uidl.Key]uidl.Key) (moved bool) {
	taken := make(map[uidl.Key]bool, len(to))
	for _, k := range to {
		taken[k] = true
	}
	kept := make([]ShortReading, 0, len(w.Short))
	for _, e := range w.Short {
		next, goes := to[e.Key()]
		switch {
		case e.Done && goes:
			e.Dup, moved = next.Dup, true
		case taken[e.Key()]:
			moved = true
			continue
		}
		kept = append(kept, e)
	}
	w.Short = kept
	return moved
}

// Watched are the messages that came short: whether they were delivered.
func (w *WireFacts) Watched() map[uidl.Key]bool {
	if len(w.Short) == 0 {
		return nil
	}
	all := make(map[uidl.Key]bool, len(w.Short))
	for _, e := range w.Short {
		all[e.Key()] = e.Done
	}
	return all
}
