package reading

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
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
	f      *plan.FetchStep
	err    error       // it was refused, or no destination took it
	kind   kindOfReply // what it is
	m      settle.Received
	is     health.Measured
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
	ErrShort    = errors.New("a message came with another size than it was listed with, and may be cut; it is read again by itself")
	ErrUnproven = errors.New("nothing proves which message a reply belongs to; the message is asked for again by itself")
)

// prover keeps the answers of a stream until it is proven whose they are.
type prover struct {
	desk     *desk.Desk
	on       *desk.Session
	staging  *staging
	shorts   *Shorts
	conclude func(*reply) error // what becomes of an answer that is proven

	next   int         // index in plan.fetch of the message whose answer comes next
	alone  bool        // one command at a time
	queue  []reply     // what is not proven yet, in the order in which it came
	want   []pop3.Item // to be asked next to prove it, one command at a time
	proofs int         // answers that this still takes
	last   [32]byte    // SHA-256 of the last message
	scans  int         // right answers to LIST n
	held   int         // messages that were proven
	header *uidl.Fingerprinter
}

// came takes an answer, and concludes what it proves.
func (p *prover) came(o reply) error {
	if o.kind == whole {
		o.is.Size = o.f.Size
		o.exact = p.desk.Health.Wire.Sizes.Exact(o.is)
		o.self = o.exact && !o.status && !p.desk.Account.IgnoreSizes && (p.alone && o.m.Whole != p.last || !p.alone && !p.alike(p.next))
		p.last = o.m.Whole
	}
	if o.status && !o.exact { // a line too many came before it
		p.queue = append(p.queue, o)
		return fmt.Errorf("message %d: it begins like a reply: %w", o.f.Num, verdict.ErrOutOfStep)
	}
	p.queue = append(p.queue, o)
	switch {
	case o.self:
		return p.proven()
	case p.alone && o.kind == whole && !o.f.Nameless && p.shorts.isShort(&o) && p.desk.Health.Wire.Scan == 0 && p.scans == 0 && len(p.desk.Health.Wire.Short) < health.MostShort:
		p.shorts.setAside(o.f) // whether LIST n can be asked is not to be tried behind what may be forged
		return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.Num, o.is.Octets, o.f.Size, ErrShort)
	case p.alone:
		p.want = p.asksFor(&o)
		p.proofs = len(p.want)
		return nil
	case o.kind == whole && (p.shorts.isShort(&o) || !o.exact && !p.followed(p.next) && p.strangers() > 1):
		for i := range p.queue {
			if s := &p.queue[i]; s.kind == whole && !s.exact {
				p.shorts.setAside(s.f)
			}
		}
		return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.Num, o.is.Octets, o.f.Size, ErrShort)
	}
	return nil
}

// followed tells whether the i-th message of a flight is followed by what proves it.
func (p *prover) followed(i int) bool {
	top, scan := p.asks(i)
	return top || scan
}

// strangers counts the messages of another length than listed that nothing has proven.
func (p *prover) strangers() (n int) {
	for i := range p.queue {
		n += desk.Count(p.queue[i].kind == whole && !p.queue[i].exact)
	}
	return n
}

func (x *Shorts) isShort(o *reply) bool {
	return !x.Desk.Account.IgnoreSizes && x.Desk.Health.Wire.Sizes.Short(o.is)
}

// proven concludes what was not proven so far: the places before and behind it are. Between them lies one message, or answers
// that cannot be mistaken for each other.
func (p *prover) proven() error {
	messages := 0
	for i := range p.queue {
		messages += desk.Count(p.queue[i].kind != refusal && !p.queue[i].self)
	}
	others := len(p.queue) - desk.Count(len(p.queue) > 0 && p.queue[len(p.queue)-1].self)
	if messages > 0 && others > 1 {
		return fmt.Errorf("message %d: %w", p.queue[0].f.Num, ErrUnproven)
	}
	queue := p.queue
	p.queue = nil
	for i := range queue {
		if err := p.conclude(&queue[i]); err != nil {
			for _, o := range queue[i+1:] {
				p.staging.discard(&o.m, err)
			}
			return err
		}
	}
	p.queue = queue[:0]
	return nil
}

// prove asks for what is missing when a flight has ended in order, and gives up what is not proven then.
func (r *Reader) prove(ctx context.Context, err error) error {
	if n := len(r.prover.queue); err == nil && n > 0 {
		ask := pop3.Item{Num: r.prover.queue[n-1].f.Num, Ask: pop3.AskScan}
		if r.desk.Health.Wire.Scan < 0 || r.prover.queue[n-1].kind == refusal {
			ask.Ask = pop3.AskNoop
		}
		err = r.on.C.Retrieve(ctx, one(ask), r.handle)
		if err == nil && len(r.prover.queue) > 0 {
			err = ErrUnproven
		}
	}
	for i := range r.prover.queue {
		r.staging.discard(&r.prover.queue[i].m, settle.ErrNoBranch)
	}
	r.uncount()
	if err = r.desk.Health.Wire.Taught(err, err == nil || errors.Is(err, errStop), r.prover.scans, r.desk.Now()); (err == nil || errors.Is(err, errStop)) && !r.prover.alone && r.prover.held >= health.InStep {
		r.desk.Health.Wire.Lost = 0
	}
	return err
}

// ticket closes the staging places of a message that came to its end.
func (s *staging) ticket(m *settle.Received) {
	s.fan.Finish()
	for i := range s.fan.Branches {
		br := &s.fan.Branches[i]
		m.Copies[i].Err = br.Err
		m.Copies[i].Row.Ticket = string(br.Ticket)
		s.weigh(br.Dest, br.Err)
	}
}

// discard removes what was staged of a message that nobody is to get.
func (s *staging) discard(m *settle.Received, why error) {
	for i := range m.Copies {
		if c := &m.Copies[i]; c.Err == nil && c.Row.Ticket != "" {
			_ = c.Dest.Target.Discard([]deliver.Ticket{c.Ticket()}) // no commit has named it
			c.Err = why
		}
	}
}
