package fetcher

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/pop3"
)

// enter opens a session: it connects, logs in and lists.
func (s *session) enter(ctx context.Context, o pop3.Options) (*pop3.Listing, error) {
	c, err := server.Open(ctx, o, !s.p.capaWorks, s.desk.Health.Diagnoses())
	if err != nil {
		return nil, err
	}
	s.on.C, s.on.Steps.C = c, c
	if err := s.desk.Health.LogIn(c, func() error { return c.Login(ctx, s.desk.Health.HowToLogIn()) }); err != nil {
		return nil, err
	}
	if text := s.desk.Health.Weaker; text != "" {
		s.desk.Health.Weaker = ""
		s.desk.Log.Warn("login is weaker than before", zap.String("note", text))
		s.desk.Rec.Mention(text)
	}
	list, err := s.lists(ctx, c)
	if err != nil {
		err = s.on.Pipelined(err)
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
		s.desk.Health.Quirks.WithoutCapa(s.desk.Now())
		return nil, cause
	}
	o.NoCapa = true
	return s.enter(ctx, o)
}
