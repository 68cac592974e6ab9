package fetcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
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
	errShort    = errors.New("a message came with another size than it was listed with, and may be cut; it is read again by itself")
	errUnproven = errors.New("nothing proves which message a reply belongs to; the message is asked for again by itself")
)

// came takes an answer, and concludes what it proves.
func (r *reader) came(o reply) error {
	if o.kind == whole {
		o.is.Size = o.f.Size
		o.exact = r.Health.Wire.Sizes.Exact(o.is)
		o.self = o.exact && !o.status && !r.a.IgnoreSizes && (r.alone && o.m.Whole != r.last || !r.alone && !r.alike(r.next))
		r.last = o.m.Whole
	}
	if o.status && !o.exact { // a line too many came before it
		r.queue = append(r.queue, o)
		return fmt.Errorf("message %d: it begins like a reply: %w", o.f.Num, verdict.ErrOutOfStep)
	}
	r.queue = append(r.queue, o)
	switch {
	case o.self:
		return r.proven()
	case r.alone && o.kind == whole && !o.f.Nameless && r.isShort(&o) && r.Health.Wire.Scan == 0 && r.scans == 0 && len(r.Health.Wire.Short) < health.MostShort:
		r.setAside(o.f) // whether LIST n can be asked is not to be tried behind what may be forged
		return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.Num, o.is.Octets, o.f.Size, errShort)
	case r.alone:
		r.want = r.asksFor(&o)
		r.proofs = len(r.want)
		return nil
	case o.kind == whole && (r.isShort(&o) || !o.exact && !r.followed(r.next) && r.strangers() > 1):
		for i := range r.queue {
			if s := &r.queue[i]; s.kind == whole && !s.exact {
				r.setAside(s.f)
			}
		}
		return fmt.Errorf("message %d: %d octets, listed with %d: %w", o.f.Num, o.is.Octets, o.f.Size, errShort)
	}
	return nil
}

// followed tells whether the i-th message of a flight is followed by what proves it.
func (r *reader) followed(i int) bool {
	top, scan := r.asks(i)
	return top || scan
}

// strangers counts the messages of another length than listed that nothing has proven.
func (r *reader) strangers() (n int) {
	for i := range r.queue {
		n += b2i(r.queue[i].kind == whole && !r.queue[i].exact)
	}
	return n
}

func (r *reader) isShort(o *reply) bool {
	return !r.a.IgnoreSizes && r.Health.Wire.Sizes.Short(o.is)
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
		return fmt.Errorf("message %d: %w", r.queue[0].f.Num, errUnproven)
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
		ask := pop3.Item{Num: r.queue[n-1].f.Num, Ask: pop3.AskScan}
		if r.Health.Wire.Scan < 0 || r.queue[n-1].kind == refusal {
			ask.Ask = pop3.AskNoop
		}
		err = r.c.Retrieve(ctx, one(ask), r.handle)
		if err == nil && len(r.queue) > 0 {
			err = errUnproven
		}
	}
	for i := range r.queue {
		r.discard(&r.queue[i].m, settle.ErrNoBranch)
	}
	r.uncount()
	if err = r.Health.Wire.Taught(err, err == nil || errors.Is(err, errStop), r.scans, r.now()); (err == nil || errors.Is(err, errStop)) && !r.alone && r.held >= health.InStep {
		r.Health.Wire.Lost = 0
	}
	return err
}

// ticket closes the staging places of a message that came to its end.
func (r *reader) ticket(m *settle.Received) {
	r.fan.Finish()
	for i := range r.fan.Branches {
		br := &r.fan.Branches[i]
		m.Copies[i].Err = br.Err
		m.Copies[i].Row.Ticket = string(br.Ticket)
		r.weigh(br.Dest, br.Err)
	}
}

// discard removes what was staged of a message that nobody is to get.
func (r *reader) discard(m *settle.Received, why error) {
	for i := range m.Copies {
		if c := &m.Copies[i]; c.Err == nil && c.Row.Ticket != "" {
			_ = c.Dest.Target.Discard([]deliver.Ticket{c.Ticket()}) // no commit has named it
			c.Err = why
		}
	}
}
