package smtp

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Sight is what Look saw of a server, as far as it came.
type Sight struct {
	Connected bool // the server greeted and answered EHLO or LHLO, if only before TLS
	// TLS is how the connection is protected; nil: it is not.
	TLS      *tls.ConnectionState
	LoggedIn bool   // it took the login
	Method   string // by which it did, in lower case: see sasl.Methods
	// Asked: MAIL and each RCPT were sent, and the answers are in the error of Look, nil if it accepts them all. false: the
	// messages name the recipients, so that there was nothing to ask.
	Asked bool
	From  string // the sender that was named; "" is <>
}

// checkReply bounds the wait for each reply while nothing but a look is taken: a person may be waiting for it.
const checkReply = time.Minute

// Check implements deliver.Checker: it is Look without what was seen.
func (s *Sender) Check(ctx context.Context, _ string) error {
	_, err := s.Look(ctx)
	return err
}

// Look connects, logs in and, when the recipients are fixed, names them to the server from the sender that is set, or <> when
// the messages set it. No message is sent. Its errors are those of Send, about the whole destination. A server that does not
// greet is looked at for whether it expects TLS at once.
func (s *Sender) Look(ctx context.Context) (saw Sight, err error) {
	o := s.o
	o.heard = func() { saw.Connected = true }
	o.secured = func(state tls.ConnectionState) { saw.TLS = &state }
	o.Timeouts.Reply = min(o.Timeouts.Reply, checkReply)
	c, err := dialLooking(ctx, &o)
	if err != nil {
		return saw, s.unreachable(ctx, err)
	}
	defer c.quit(ctx)
	saw.LoggedIn, saw.Method = o.logsIn(), c.method
	if len(o.To) == 0 {
		return saw, nil
	}
	saw.Asked, saw.From = true, envelopeFrom(&o)
	refused, err := c.ask(ctx, &o)
	switch {
	case ctx.Err() != nil:
		return saw, ctx.Err()
	case err != nil:
		return saw, &deliver.Error{Op: "check", Place: o.Address, Scope: deliver.WholeTarget, Err: err}
	case len(refused) == 0:
		return saw, nil
	}
	e := &deliver.Error{Op: "check", Place: o.Address, Scope: deliver.WholeTarget}
	if s.refusals(e, refused); e.Hint == "" {
		e.Hint = "check from and to of this destination"
	}
	return saw, e
}

// envelopeFrom is the sender that is named where no message names one.
func envelopeFrom(o *Options) string {
	if o.From == "original" || o.From == "null" {
		return ""
	}
	return o.From
}

// ask sends MAIL and each RCPT, one by one, and RSET.
func (c *session) ask(ctx context.Context, o *Options) (refused []*replyError, err error) {
	defer c.bind(ctx)()
	t := &task{from: envelopeFrom(o), to: o.To}
	t.findUTF8()
	if err := c.unfit(t); err != nil {
		return nil, err
	}
	commands := c.commands(t)
	for i, line := range commands[:len(commands)-1] {
		verb := verbOf(i, len(commands))
		r, err := c.command(verb, line)
		if err != nil {
			return nil, err
		}
		switch {
		case r.positive():
		case !r.refused():
			return nil, c.odd(verb, r)
		case verb == "MAIL":
			refused = append(refused, c.refusal(verb, r))
			c.reset()
			return refused, nil
		default:
			refused = append(refused, c.refusal(verb, r))
		}
	}
	c.reset()
	return refused, nil
}
