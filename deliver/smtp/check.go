package smtp

import (
	"context"

	"github.com/popsync/popsync/deliver"
)

// Check implements deliver.Checker: it connects, logs in and, when the recipients are fixed, names them to the server
// from the sender that is set, or <> when the messages set it. No message is sent.
func (s *Sender) Check(ctx context.Context, _ string) error {
	c, err := dial(ctx, &s.o)
	if err != nil {
		return s.unreachable(ctx, err)
	}
	defer c.quit(ctx)
	if len(s.o.To) == 0 {
		return nil
	}
	refused, err := c.ask(ctx, &s.o)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &deliver.Error{Op: "check", Place: s.o.Address, Scope: deliver.WholeTarget, Err: err}
	case len(refused) == 0:
		return nil
	}
	e := &deliver.Error{Op: "check", Place: s.o.Address, Scope: deliver.WholeTarget}
	s.refusals(e, refused)
	return e
}

// ask sends MAIL and each RCPT, one by one, and RSET.
func (c *session) ask(ctx context.Context, o *Options) (refused []*replyError, err error) {
	defer c.bind(ctx)()
	from := o.From
	if from == "original" || from == "null" {
		from = ""
	}
	t := &task{from: from, to: o.To}
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
