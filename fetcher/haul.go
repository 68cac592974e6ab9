package fetcher

import (
	"slices"
	"sync"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// haul is what a pass, and its session at hand, brought home: what decides whether another session follows, and what this
// one may delete. The reader and those who settle share it.
//
// A session that ended early is followed by another one only if it got on: if something became durable that the next one
// need not do again. What only looks like work, such as a known message that was read and compared and must be read and
// compared again, would let a server have us log in as often as it likes.
type haul struct {
	mu       sync.Mutex
	begun    int               // sessions
	settled  []plan.Entry      // delivered in this session
	anew     int               // of those: asked for again by a person
	anewAll  int               // in this pass
	missed   int               // delivered after their session had ended
	counted  bool              // what the session delivered was looked through for what is to be deleted
	onWay    map[uidl.Key]bool // listed in this session while a copy from an earlier pass was on its way
	caughtUp map[uidl.Key]bool // delivered in this pass, and retrieved by an earlier one
	full     bool              // a remote destination had no room for a message while it was being sent to
	safe     map[int]bool      // numbers of messages durable for every destination, in this session
	adopted  int               // known messages that were found under new unique-ids, in this session
	gained   int               // things that became durable, in this pass
	earlier  int               // of these, before this session
	reread   int               // of the messages that are safe: nameless and known, so that the next session reads them again
	vain     int               // sessions in a row that ended early without having got on
	started  int               // RETRs of new messages in this pass, for Policy.Limit
	whole    tally             // messages that were received whole in this pass
}

// tally counts messages and their octets as listed.
type tally struct {
	messages int
	octets   int64
}

// mostVain is how many sessions in a row may end early without having got on, whatever the reason to ask again.
const mostVain = mostCut + 4

// begin counts a new session.
func (h *haul) begin() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled, h.anew, h.safe, h.reread, h.earlier, h.adopted = nil, 0, map[int]bool{}, 0, h.gained, 0
	h.counted, h.onWay = false, nil
	h.begun++
	return h.begun
}

func (h *haul) sessionsBegun() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.begun
}

// gain notes that n things are durable, or will be with the next commit: messages delivered or on their way, messages
// recognised that were in question, and deletions that QUIT confirmed.
func (h *haul) gain(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gained += n
}

// brought tells whether the session got on.
func (h *haul) brought() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gained > h.earlier || len(h.settled) > 0 || len(h.safe) > h.reread || h.adopted > 0
}

// adopt notes known messages that were found under new unique-ids.
func (h *haul) adopt(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.adopted += n
}

// any tells whether something became durable in this pass.
func (h *haul) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gained > 0
}

// mayAsk tells whether another session may follow one that ended early.
func (h *haul) mayAsk() bool {
	if h.brought() {
		h.vain = 0
		return true
	}
	h.vain++
	return h.vain <= mostVain
}

// keepSafe notes that a message of this session is durable for every destination, or was found to be.
func (h *haul) keepSafe(num int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.safe[num] = true
}

// rereads notes that the next session reads one of these again.
func (h *haul) rereads() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reread++
}

func (h *haul) isSafe(num int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.safe[num]
}

// unsafe tells whether one of these messages is not durable for every destination.
func (h *haul) unsafe(nums map[int]bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for num := range nums {
		if !h.safe[num] {
			return true
		}
	}
	return false
}

// secured notes that every destination has a message durably, published or not.
func (h *haul) secured(m *settle.Received) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.safe[m.Num] = true
	h.gained++
}

// deliver notes a message that is delivered everywhere; held: facts keep it on the server. kept tells that it stays there
// at least until the next session.
func (h *haul) deliver(m *settle.Received, held bool) (kept bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.anewAll += b2i(m.Again)
	switch {
	case held:
		return true // for a while
	case m.Session == h.begun:
		h.settled = append(h.settled, plan.Entry{Num: m.Num, Size: m.Msg.Size, Key: m.Msg.Key})
		h.anew += b2i(m.Again)
		return h.counted // this session does not delete it
	}
	h.missed++ // its number means nothing any more
	return true
}

// catchUp notes a message that is delivered everywhere, and that an earlier pass retrieved; late: a session has begun. listed
// tells that this session lists it.
func (h *haul) catchUp(k uidl.Key, late bool) (listed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.missed += b2i(late)
	if h.caughtUp == nil {
		h.caughtUp = map[uidl.Key]bool{}
	}
	h.caughtUp[k] = true
	return h.onWay[k]
}

// expect notes listed messages of which a copy from an earlier pass is on its way, and tells how many arrived meanwhile.
func (h *haul) expect(keys []uidl.Key) (arrived int) {
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

// deletable gives what this session delivered; what is delivered from now on, it does not delete.
func (h *haul) deletable() []plan.Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counted = true
	return slices.Clone(h.settled)
}

// delivered is how many messages this session delivered.
func (h *haul) delivered() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.settled)
}

// fresh is how many messages that were new came in this session, adopted ones included.
func (h *haul) fresh() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.settled) - h.anew + h.adopted
}

// known is how many messages were delivered in this pass that had come before it: retrieved by earlier passes, or asked for again.
func (h *haul) known() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.caughtUp) + h.anewAll
}

// crowd notes that a remote destination's staging place was too full for all there is: it must be sent first.
func (h *haul) crowd() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.full = true
}

// crowded tells whether that was so. It is told once.
func (h *haul) crowded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	full := h.full
	h.full = false
	return full
}

// late is how many messages were delivered after their session had ended. It is told once.
func (h *haul) late() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	missed := h.missed
	h.missed = 0
	return missed
}

// admit tells whether the person's limit (0: none) lets another new message in, and counts it. A nameless one counts once it was
// read and is new: what is read in vain in every pass would use the limit up.
func (h *haul) admit(limit int, count bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if limit > 0 && h.started >= limit {
		return false
	}
	h.started += b2i(count)
	return true
}

// uncount gives back to the person's limit what was asked for and not concluded.
func (h *haul) uncount(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.started -= n
}

// receive counts a message that was received whole.
func (h *haul) receive(octets int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.whole.messages++
	h.whole.octets += octets
}

// received are the messages that were received whole, and how many the limit has let in.
func (h *haul) received() (all tally, started int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.whole, h.started
}
