// Package server meets a mail server as a pass does, for whoever needs no pass: it connects, lists, looks what a pass would say of the
// listing, and shows headers to people.
//
// It takes no lease, writes nothing down, and asks for nothing that QUIT could make count. It decides nothing about messages. The
// fetcher connects and lists by it; cmd/popsync has it look for 'check' and for what is parked. What its errors mean says
// fetcher/verdict.
package server

import (
	"context"

	"github.com/popsync/popsync/pop3"
)

// Dial is pop3.Dial, and looks once more at what does not answer as it should: where CAPA broke the connection it connects again
// without (see AsksCapa of the Client), and where no greeting came it finds out whether TLS is expected at once.
func Dial(ctx context.Context, o pop3.Options) (*pop3.Client, error) { return Open(ctx, o, true, true) }

// Open is pop3.Dial for a pass: withoutCapa has it connect again without CAPA where that broke the connection, diagnose has it
// find out whether TLS is expected at once where no greeting came.
func Open(ctx context.Context, o pop3.Options, withoutCapa, diagnose bool) (*pop3.Client, error) {
	c, err := pop3.Dial(ctx, o)
	if err != nil && withoutCapa && !o.NoCapa && ctx.Err() == nil && pop3.BrokenByCapa(err) {
		o.NoCapa = true
		c, err = pop3.Dial(ctx, o)
	}
	switch {
	case err == nil:
		return c, nil
	case diagnose:
		err = pop3.Diagnose(ctx, o, err)
	}
	return nil, err
}
