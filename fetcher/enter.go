package fetcher

import (
	"context"
	"errors"

	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/pop3"
)

// Dial is pop3.Dial, and looks once more at what does not answer as it should: where CAPA broke the connection it connects again
// without (see AsksCapa of the Client), and where no greeting came it finds out whether TLS is expected at once.
func Dial(ctx context.Context, o pop3.Options) (*pop3.Client, error) { return dial(ctx, o, true, true) }

func dial(ctx context.Context, o pop3.Options, withoutCapa, diagnose bool) (*pop3.Client, error) {
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

// enter opens a session: it connects, logs in and lists.
func (s *session) enter(ctx context.Context, o pop3.Options) (*pop3.Listing, error) {
	c, err := dial(ctx, o, !s.p.capaWorks, s.desk.Health.Diagnoses())
	if err != nil {
		return nil, err
	}
	s.on.c, s.on.steps.C = c, c
	if err := s.desk.Health.LogIn(c, func() error { return c.Login(ctx, s.desk.Health.Quirks.Login(s.desk.Account.Login)) }); err != nil {
		return nil, err
	}
	list, err := s.lists(ctx, c)
	if err != nil {
		err = s.on.pipelined(err)
		c.Close()
		return nil, err
	}
	if c.AsksCapa() {
		s.p.capaWorks, s.desk.Health.Quirks.NoCapaUntil, s.desk.Health.Quirks.NoCapa = true, 0, 0
	}
	return list, nil
}

// enterWithoutCapa is the second try where CAPA broke a session that enter had begun, at the login or behind it. Where logins
// must lie apart the next pass makes it.
func (s *session) enterWithoutCapa(ctx context.Context, o pop3.Options, cause error) (*pop3.Listing, error) {
	var cut *memory.CutError // the listing gave way to others
	if o.NoCapa || s.p.capaWorks || ctx.Err() != nil || errors.As(cause, &cut) || !pop3.BrokenByCapa(cause) {
		return nil, cause
	}
	if s.desk.Health.TooSoon() {
		s.desk.Health.Quirks.WithoutCapa(s.desk.now())
		return nil, cause
	}
	o.NoCapa = true
	return s.enter(ctx, o)
}
