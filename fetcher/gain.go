package fetcher

// A session that ended early is followed by another one only if it got on: if something became durable that the next one
// need not do again. What only looks like work, such as a known message that was read and compared and must be read and
// compared again, would let a server have us log in as often as it likes.

// mostVain is how many sessions in a row may end early without having got on, whatever the reason to ask again.
const mostVain = mostCut + 4

// gains is what a pass got on by; pass.mu guards it.
type gains struct {
	gained  int // in this pass
	earlier int // of these, before this session
	reread  int // of the messages that are safe: nameless and known, so that the next session reads them again
	vain    int // sessions in a row that ended early without having got on
}

// gain notes that n things are durable, or will be with the next commit: messages delivered or on their way, messages
// recognised that were in question, and deletions that QUIT confirmed.
func (p *pass) gain(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gained += n
}

// brought tells whether the session got on.
func (p *pass) brought() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gained > p.earlier || len(p.settled) > 0 || len(p.safe) > p.reread || p.epoch.fresh > 0
}

// advanced tells whether the pass got on, its destinations included.
func (p *pass) advanced() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &p.rep
	return p.gained > 0 || r.New+r.Recovered+r.Adopted+r.Rebuilt > 0
}

// mayAsk tells whether another session may follow one that ended early.
func (p *pass) mayAsk() bool {
	if p.brought() {
		p.vain = 0
		return true
	}
	p.vain++
	return p.vain <= mostVain
}
