package reading

import (
	"fmt"
	"io"
	"iter"
	"math/rand/v2"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// neighbours is how many messages before and after one must have other sizes for its own to prove where it stands.
const neighbours = 8

// alike tells whether a message has the size of one close to it, or may have with a CRLF more: see health.Measured.
func (p *prover) alike(i int) bool {
	all := p.on.Plan.Fetch
	for j := max(0, i-neighbours); j < min(len(all), i+neighbours+1); j++ {
		if d := all[j].Size - all[i].Size; j != i && (d == 0 || d == 2 || d == -2) {
			return true
		}
	}
	return false
}

// asks is what is sent behind the i-th RETR of a flight: nothing where its size will tell. Of messages that are alike, the
// header tells whose a reply is, and the number that the header is no other reply's.
func (p *prover) asks(i int) (top, scan bool) {
	w := &p.desk.Health.Wire
	alike := p.alike(i)
	trusted := w.Sizes.Rule() >= 0 && p.on.Plan.Fetch[i].Size > 0 && !p.desk.Account.IgnoreSizes
	if trusted && !alike {
		return false, false
	}
	// Where sizes say nothing, the answer to TOP could be taken for the message.
	sizes := !p.desk.Account.IgnoreSizes && !w.Sizes.None
	return sizes && p.on.C.Capabilities().Top && (alike || w.Scan < 0), w.Scan >= 0
}

// asksFor is what to ask for behind an answer, one after the other. What came short may hold lines that look like the next
// replies, written by whoever sent it: of which message it is asked, he cannot know.
func (p *prover) asksFor(o *reply) []pop3.Item {
	switch {
	case p.desk.Health.Wire.Scan < 0, o.kind == refusal:
		return []pop3.Item{{Num: o.f.Num, Ask: pop3.AskNoop}}
	case o.kind == whole && p.shorts.isShort(o):
		return []pop3.Item{{Num: o.f.Num, Ask: pop3.AskScan}, {Num: p.any(o.f.Num), Ask: pop3.AskScan}}
	}
	return []pop3.Item{{Num: o.f.Num, Ask: pop3.AskScan}}
}

// any is the number of a message of the listing that nobody can guess.
func (p *prover) any(num int) int {
	for range 8 {
		if n := 1 + rand.N(max(p.on.Listed, 1)); !p.on.Removed[n] {
			return n
		}
	}
	return num
}

// answer takes the answer to what was asked in between.
func (p *prover) answer(resp pop3.Response) error {
	var top uidl.Fingerprint
	var octets int64
	if resp.Body != nil {
		if p.header == nil {
			p.header = new(uidl.Fingerprinter)
		}
		p.header.Reset()
		var rest behindHeader
		var err error
		if octets, err = io.Copy(io.MultiWriter(p.header, &rest), resp.Body); err != nil {
			return err
		}
		if p.header.Ended() && !rest.lines { // lines behind it were not asked for: it is the answer to RETR, of whatever message
			top = p.header.Sum()
		}
	}
	w := &p.desk.Health.Wire
	switch last := len(p.queue) - 1; {
	case resp.Err != nil && resp.Ask == pop3.AskNoop:
		return fmt.Errorf("%w: %w", verdict.ErrOutOfStep, resp.Err)
	case resp.Err != nil:
		if resp.Ask == pop3.AskScan && w.Scan == 0 && last >= 0 && p.queue[last].kind == whole {
			w.ScanFails(p.desk.Now())
		}
		if p.alone {
			p.want, p.proofs = []pop3.Item{{Num: resp.Num, Ask: pop3.AskNoop}}, 1
		}
		return nil
	case resp.Ask == pop3.AskScan:
		p.scans++
	case resp.Ask == pop3.AskNoop:
	case last < 0 || p.queue[last].f.Num != resp.Num || p.queue[last].kind != whole:
		return nil // nothing to compare
	case octets > p.queue[last].is.Octets:
		p.shorts.setAside(p.queue[last].f) // as where the two replies changed places
		return fmt.Errorf("message %d: TOP gives more than RETR: %w", resp.Num, ErrUnproven)
	case top == uidl.Fingerprint{}:
		return nil
	case top != p.queue[last].m.Msg.Fingerprint:
		p.shorts.setAside(p.queue[last].f) // or the server changes what it sends
		return fmt.Errorf("message %d: TOP gives another header than RETR: %w", resp.Num, ErrUnproven)
	case w.Scan >= 0:
		return nil // LIST n comes next
	}
	if p.alone {
		if p.proofs--; p.proofs > 0 {
			return nil
		}
	}
	return p.proven()
}

func one(it pop3.Item) iter.Seq[pop3.Item] {
	return func(yield func(pop3.Item) bool) { yield(it) }
}

// behindHeader tells whether anything follows the empty line that ends a header.
type behindHeader struct {
	lines bool
	ended bool // the empty line came
	text  bool // the line at hand has text
}

func (b *behindHeader) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case b.ended:
			b.lines = true
			return len(p), nil
		case c == '\n':
			b.ended, b.text = !b.text, false
		case c != '\r':
			b.text = true
		}
	}
	return len(p), nil
}
