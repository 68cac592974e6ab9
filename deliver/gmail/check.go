package gmail

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Sight is what Look saw of Gmail, as far as it came.
type Sight struct {
	Connected bool                 // Gmail answered
	TLS       *tls.ConnectionState // how the connection is protected; nil: there was none
	LoggedIn  bool                 // Gmail took the token
	Missing   []string             // labels that are to be made
}

// checkReply bounds the wait for an answer while nothing but a look is taken: a person may be waiting for it.
const checkReply = time.Minute

// Check implements deliver.Checker: it is Look without what was seen.
func (s *Sender) Check(ctx context.Context, _ string) error {
	_, err := s.Look(ctx)
	return err
}

// Look asks Gmail for the labels of the mailbox. Nothing is made and no message is sent. Its errors are those of Send, about the whole
// destination. That messages may be imported it cannot try without one: the scopes of the login tell.
func (s *Sender) Look(ctx context.Context) (saw Sight, err error) {
	if err := s.mine(&record{}); err != nil {
		return saw, err
	}
	bounded, cancel := context.WithTimeout(ctx, checkReply)
	defer cancel()
	known, via, err := s.list(bounded)
	var no *refusal
	switch {
	case err == nil:
		_, saw.Missing = among(s.o.Labels, known)
		saw.Connected, saw.LoggedIn, saw.TLS = true, true, via.secured()
		return saw, nil
	case ctx.Err() != nil:
		return saw, ctx.Err()
	}
	e := &deliver.Error{Op: "check", Place: s.Place(), Scope: deliver.WholeTarget, Err: err}
	if errors.As(err, &no) {
		f := judged(no)
		saw.Connected, saw.LoggedIn, saw.TLS = true, !f.login, no.via.secured()
		e.Permanent, e.Login, e.Wait, e.Hint = f.permanent, f.login, f.wait, f.hint
		return saw, e
	}
	s.unreachable(e, err)
	return saw, e
}
