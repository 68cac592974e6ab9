package desk

import (
	"slices"
	"sync"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// Haul is what a pass, and its session at hand, brought home: what decides whether another session follows, and what this
// one may delete. The reader and those who settle share it.
//
// A session that ended early is followed by another one only if it got on: if something became durable that the next one
// need not do again. What only looks like work, such as a known message that was read and compared and must be read and
// compared again, would let a server have us log in as often as it likes.
type Haul struct {
	mu       sync.Mutex
	begun    int               // sessions
	settled  []plan.Entry      // delivered in this session
	anew     int               // of those: asked for again by a person
	anewAll  int               // in this pass
	missed   int               // delivered after their session had ended
	counted  bool              // what the session delivered was looked through for what is to be deleted
	onWay    map[uidl.Key]bool // listed in this session while a copy from an earlier pass was on its way
	caughtUp map[uidl.Key]bool // delivered in this pass, and retrieved by an earlier one
	crowded  bool              // a remote destination had no room for a message while it was being sent to
	safe     map[int]bool      // numbers of messages durable for every destination, in this session
	adopted  int               // known messages that were found under new unique-ids, in this session
	gained   int               // things that became durable, in this pass
	earlier  int               // of these, before this session
	reread   int               // of the messages that are safe: nameless and known, so that the next session reads them again
	vain     int               // sessions in a row that ended early without having got on
	used     Used              // of what Policy lets a pass fetch
	atLimit  bool              // its octets were used up
	whole    Tally             // messages that were received whole in this pass
}

// Tally counts messages and their octets as listed.
type Tally struct {
	Messages int
	Octets   int64
}

// mostVain is how many sessions in a row may end early without having got on, whatever the reason to ask again.
const mostVain = MostCut + 4

// Begin counts a new session.
func (h *Haul) Begin() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled, h.anew, h.safe, h.reread, h.earlier, h.adopted = nil, 0, map[int]bool{}, 0, h.gained, 0
	h.counted, h.onWay = false, nil
	h.begun++
	return h.begun
}

// SessionsBegun is how many sessions of this pass have got a listing.
func (h *Haul) SessionsBegun() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.begun
}

// Gain notes that n things are durable, or will be with the next commit: messages delivered or on their way, messages
// recognised that were in question, and deletions that QUIT confirmed.
func (h *Haul) Gain(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gained += n
}

// Brought tells whether the session got on.
func (h *Haul) Brought() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gained > h.earlier || len(h.settled) > 0 || len(h.safe) > h.reread || h.adopted > 0
}

// Adopt notes known messages that were found under new unique-ids.
func (h *Haul) Adopt(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.adopted += n
}

// Any tells whether something became durable in this pass.
func (h *Haul) Any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gained > 0
}

// MayAsk tells whether another session may follow one that ended early.
func (h *Haul) MayAsk() bool {
	if h.Brought() {
		h.vain = 0
		return true
	}
	h.vain++
	return h.vain <= mostVain
}

// KeepSafe notes that a message of this session is durable for every destination, or was found to be.
func (h *Haul) KeepSafe(num int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.safe[num] = true
}

// Rereads notes that the next session reads one of these again.
func (h *Haul) Rereads() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reread++
}

// IsSafe tells whether a message of this session is durable for every destination.
func (h *Haul) IsSafe(num int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.safe[num]
}

// Unsafe tells whether one of these messages is not durable for every destination.
func (h *Haul) Unsafe(nums map[int]bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for num := range nums {
		if !h.safe[num] {
			return true
		}
	}
	return false
}

// Secured notes that every destination has a message durably, published or not.
func (h *Haul) Secured(m *settle.Received) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.safe[m.Num] = true
	h.gained++
}

// Deliver notes a message that is delivered everywhere; held: facts keep it on the server. kept tells that it stays there
// at least until the next session.
func (h *Haul) Deliver(m *settle.Received, held bool) (kept bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.anewAll += Count(m.Again)
	switch {
	case held:
		return true // for a while
	case m.Session == h.begun:
		h.settled = append(h.settled, plan.Entry{Num: m.Num, Size: m.Msg.Size, Key: m.Msg.Key})
		h.anew += Count(m.Again)
		return h.counted // this session does not delete it
	}
	h.missed++ // its number means nothing any more
	return true
}

// CatchUp notes a message that is delivered everywhere, and that an earlier pass retrieved; late: a session has begun. listed
// tells that this session lists it.
func (h *Haul) CatchUp(k uidl.Key, late bool) (listed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.missed += Count(late)
	if h.caughtUp == nil {
		h.caughtUp = map[uidl.Key]bool{}
	}
	h.caughtUp[k] = true
	return h.onWay[k]
}

// Expect notes listed messages of which a copy from an earlier pass is on its way, and tells how many arrived meanwhile.
func (h *Haul) Expect(keys []uidl.Key) (arrived int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onWay = make(map[uidl.Key]bool, len(keys))
	for _, k := range keys {
		if h.caughtUp[k] { // while the plan was made
			arrived++
		} else {
			h.onWay[k] = true
		}
	}
	return arrived
}

// Deletable gives what this session delivered; what is delivered from now on, it does not delete.
func (h *Haul) Deletable() []plan.Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counted = true
	return slices.Clone(h.settled)
}

// Delivered is how many messages this session delivered.
func (h *Haul) Delivered() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.settled)
}

// DeliveredOf is how many of these are such.
func (h *Haul) DeliveredOf(such func(plan.Entry) bool) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.settled {
		n += Count(such(e))
	}
	return n
}

// Fresh is how many messages that were new came in this session, adopted ones included.
func (h *Haul) Fresh() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.settled) - h.anew + h.adopted
}

// Known is how many messages were delivered in this pass that had come before it: retrieved by earlier passes, or asked for again.
func (h *Haul) Known() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.caughtUp) + h.anewAll
}

// Crowd notes that a remote destination's staging place was too full for all there is: it must be sent first.
func (h *Haul) Crowd() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.crowded = true
}

// Crowded tells whether that was so. It is told once.
func (h *Haul) Crowded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	crowded := h.crowded
	h.crowded = false
	return crowded
}

// Late is how many messages were delivered after their session had ended. It is told once.
func (h *Haul) Late() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	missed := h.missed
	h.missed = 0
	return missed
}

// Receive counts a message that was received whole.
func (h *Haul) Receive(octets int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.whole.Messages++
	h.whole.Octets += octets
}

// MostCut is how many sessions of a pass may end because a message came with another size; the rest comes with the next pass.
const MostCut = 20
