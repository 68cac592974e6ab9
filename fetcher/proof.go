package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// A server that leaves out a reply, sends one twice or ends a message too early makes what follows stand for other
// messages. So nothing is concluded from an answer before it is proven that it belongs to its message: no row, no charge, no
// comparison, no file that is published. An answer is proven when the places of the stream just before and just behind it
// are. A place is proven by a message whose size is right and none of its neighbours', and by LIST n or TOP n 0 in between
// that is answered with n, or with the header of n. What needs that is known from the listing, so it leaves in the same
// flight and costs no time. One command at a time, a message proves itself by its size as long as it is not the one before
// it once more.

// reply is the answer to one RETR, until it is proven.
type reply struct {
	f      *fetchStep
	err    error       // it was refused, or no destination took it
	kind   kindOfReply // what it is
	m      received
	is     measured
	status bool // it begins like a reply
	exact  bool // it is as long as it should be
	self   bool // it proves itself
}

type kindOfReply uint8

const (
	whole   kindOfReply = iota // received to its end, and staged
	refusal                    // -ERR
	tooLong                    // longer than max_size
	unfit                      // no destination took it
)

// Why a stream is not gone on with. What was not proven by then never counts.
var (
	errOutOfStep = errors.New("the replies of the server are out of step with the commands: one belongs to another message than was asked for")
	errShort     = errors.New("a message came shorter than it was listed, and may be cut; it is read again by itself")
	errUnproven  = errors.New("nothing proves which message a reply belongs to; the message is asked for again by itself")
)

// neighbours is how many messages before and after one must have other sizes for its own to prove where it stands.
const neighbours = 8

// alike tells whether a message has the size of one close to it.
func (r *reader) alike(i int) bool {
	all := r.plan.fetch
	for j := max(0, i-neighbours); j < min(len(all), i+neighbours+1); j++ {
		if j != i && all[j].size == all[i].size {
			return true
		}
	}
	return false
}

// asks is what is sent behind the i-th RETR of a flight; AskMessage: nothing.
func (r *reader) asks(i int) pop3.Ask {
	w := &r.facts.Wire
	top := r.c.Capabilities().Top
	switch trusted := w.Sizes.rule() >= 0 && r.plan.fetch[i].size > 0 && !r.a.IgnoreSizes; {
	case blindBeacons, trusted && !r.alike(i):
		return pop3.AskMessage
	case trusted && top, w.Scan < 0 && top:
		return pop3.AskTop
	case w.Scan < 0:
		return pop3.AskMessage
	}
	return pop3.AskScan
}

// came takes an answer, and concludes what it proves.
func (r *reader) came(o reply) error {
	if o.kind == whole {
		o.is.size = o.f.size
		o.exact = r.facts.Wire.Sizes.exact(o.is)
		o.self = o.exact && !r.a.IgnoreSizes && (r.alone && o.m.whole != r.last || !r.alone && !r.alike(r.next))
		r.last = o.m.whole
	}
	if o.status && !o.exact && !blindBeacons { // a line too many came before it
		r.queue = append(r.queue, o)
		return fmt.Errorf("message %d: it begins like a reply: %w", o.f.num, errOutOfStep)
	}
	if concludeFirst || oldGuard {
		if r.held += b2i(o.exact); oldGuard && o.kind == whole && !o.exact && r.held >= enoughFits && !r.alone {
			return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.num, o.is.octets, o.f.size, errOutOfStep)
		}
		return r.conclude(&o)
	}
	r.queue = append(r.queue, o)
	switch {
	case o.self:
		return r.proven()
	case r.alone && o.kind == whole && !o.f.nameless && r.isShort(&o) && r.facts.Wire.Scan == 0 && r.scans == 0:
		r.setAside(o.f) // whether LIST n can be asked is not to be tried behind what may be forged
		return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.num, o.is.octets, o.f.size, errShort)
	case r.alone:
		r.want = r.proofs(&o)
		r.left = len(r.want)
		return nil
	case o.kind == whole && r.isShort(&o):
		r.setAside(o.f)
		return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.num, o.is.octets, o.f.size, errShort)
	case o.kind == whole && !o.exact && !r.a.IgnoreSizes && r.facts.Wire.Sizes.rule() >= 0 && r.strangers() > 1:
		return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.num, o.is.octets, o.f.size, errUnproven) // or is the server one that sends more?
	}
	return nil
}

// strangers counts the messages of another length than listed that nothing has proven.
func (r *reader) strangers() (n int) {
	for i := range r.queue {
		n += b2i(r.queue[i].kind == whole && !r.queue[i].exact)
	}
	return n
}

func (r *reader) isShort(o *reply) bool {
	return !r.a.IgnoreSizes && !believeShort && r.facts.Wire.Sizes.short(o.is)
}

// proofs are what to ask for behind an answer, one after the other. What came short may hold lines that look like the next
// replies, written by whoever sent it: of which message it is asked, he cannot know.
func (r *reader) proofs(o *reply) []pop3.Item {
	switch {
	case r.facts.Wire.Scan < 0, o.kind == refusal:
		return []pop3.Item{{Num: o.f.num, Ask: pop3.AskNoop}}
	case o.kind == whole && r.isShort(o):
		return []pop3.Item{{Num: o.f.num, Ask: pop3.AskScan}, {Num: r.any(o.f.num), Ask: pop3.AskScan}}
	}
	return []pop3.Item{{Num: o.f.num, Ask: pop3.AskScan}}
}

// any is the number of a message of the listing that nobody can guess.
func (r *reader) any(num int) int {
	for range 8 {
		if n := 1 + rand.N(max(r.listed, 1)); !r.removed[n] {
			return n
		}
	}
	return num
}

// answer takes the answer to what was asked in between.
func (r *reader) answer(resp pop3.Response) error {
	var top uidl.Fingerprint
	if resp.Body != nil {
		if r.header == nil {
			r.header = new(uidl.Fingerprinter)
		}
		r.header.Reset()
		if _, err := io.Copy(r.header, resp.Body); err != nil {
			return err
		}
		if r.header.Ended() {
			top = r.header.Sum()
		}
	}
	w := &r.facts.Wire
	switch last := len(r.queue) - 1; {
	case resp.Err != nil && resp.Ask == pop3.AskNoop:
		return fmt.Errorf("%w: %w", errOutOfStep, resp.Err)
	case resp.Err != nil:
		if resp.Ask == pop3.AskScan && w.Scan == 0 && last >= 0 && r.queue[last].kind == whole {
			w.scanFails(r.now())
		}
		if r.alone {
			r.want, r.left = []pop3.Item{{Num: resp.Num, Ask: pop3.AskNoop}}, 1
		}
		return nil
	case resp.Ask == pop3.AskScan:
		r.scans++
	case resp.Ask == pop3.AskNoop:
	case last < 0 || r.queue[last].f.num != resp.Num || r.queue[last].kind != whole || top == uidl.Fingerprint{}:
		return nil // nothing to compare
	case top != r.queue[last].m.msg.Fingerprint:
		return fmt.Errorf("message %d: TOP gives another header than RETR: %w", resp.Num, errOutOfStep)
	}
	if r.alone {
		if r.left--; r.left > 0 {
			return nil
		}
	}
	return r.proven()
}

// proven concludes what was not proven so far: the places before and behind it are. Between them lies one message, or answers
// that cannot be mistaken for each other.
func (r *reader) proven() error {
	messages := 0
	for i := range r.queue {
		messages += b2i(r.queue[i].kind != refusal && !r.queue[i].self)
	}
	others := len(r.queue) - b2i(len(r.queue) > 0 && r.queue[len(r.queue)-1].self)
	if messages > 0 && others > 1 {
		return fmt.Errorf("message %d: %w", r.queue[0].f.num, errUnproven)
	}
	queue := r.queue
	r.queue = nil
	for i := range queue {
		if err := r.conclude(&queue[i]); err != nil {
			for _, o := range queue[i+1:] {
				r.discard(&o.m, err)
			}
			return err
		}
	}
	r.queue = queue[:0]
	return nil
}

// prove asks for what is missing when a flight has ended in order, and gives up what is not proven then.
func (r *reader) prove(ctx context.Context, err error) error {
	if n := len(r.queue); err == nil && n > 0 {
		ask := pop3.Item{Num: r.queue[n-1].f.num, Ask: pop3.AskScan}
		if r.facts.Wire.Scan < 0 || r.queue[n-1].kind == refusal {
			ask.Ask = pop3.AskNoop
		}
		err = r.c.Retrieve(ctx, one(ask), r.handle)
		if err == nil && len(r.queue) > 0 {
			err = errUnproven
		}
	}
	for i := range r.queue {
		r.discard(&r.queue[i].m, errNoBranch)
	}
	r.uncount()
	if err = r.facts.Wire.taught(err, r.scans, r.now()); (err == nil || errors.Is(err, errStop)) && !r.alone && r.held >= inStep {
		r.facts.Wire.Lost = 0
	}
	return err
}

func one(it pop3.Item) iter.Seq[pop3.Item] {
	return func(yield func(pop3.Item) bool) { yield(it) }
}

// ticket closes the staging places of a message that came to its end.
func (r *reader) ticket(m *received) {
	r.fan.finish()
	for i := range r.fan.branches {
		br := &r.fan.branches[i]
		m.copies[i].err = br.err
		m.copies[i].row.Ticket = string(br.ticket)
		r.weigh(br.dest, br.err)
	}
}

// discard removes what was staged of a message that nobody is to get.
func (r *reader) discard(m *received, why error) {
	for i := range m.copies {
		if c := &m.copies[i]; c.err == nil && c.row.Ticket != "" {
			_ = c.dest.Target.Discard([]deliver.Ticket{c.ticket()}) // no commit has named it
			c.err = why
		}
	}
}
