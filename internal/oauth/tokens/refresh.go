package tokens

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/popsync/popsync/internal/oauth"
)

// refresh gets a new token and stores it. The lock is held.
func (s *Source) refresh(ctx context.Context, dir *os.File, refused string) (string, error) {
	rec, st, err := s.load(ctx, dir)
	if err != nil {
		return "", err
	}
	if u := s.slot.unsaved; u != nil {
		s.slot.unsaved = nil
		if u.seq > rec.seq { // else another process has gone on from it, or a person has logged in
			return s.keep(ctx, dir, *u, st)
		}
	}
	e := s.k.endpoint(s.client.Endpoint())
	leave, wait, err := s.k.enter(ctx, e, s.name)
	if err != nil {
		return "", err
	}
	now := s.k.o.Now()
	if wait > 0 {
		return s.despite(rec.token, refused, now, &oauth.Error{
			Grant: s.grant(), Account: s.account, What: "the provider can't be reached, or can't give tokens now", Wait: wait, Hint: "it is tried again by itself",
		})
	}
	next, err := s.renew(ctx, rec.token)
	if err == nil {
		leave(outcome{})
		return s.keep(ctx, dir, record{rec.seq + 1, rec.login, next}, st)
	}
	failed := s.own(err)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		leave(outcome{cut: true})
		return "", context.Cause(ctx)
	}
	leave(outcome{down: failed.Class == oauth.Temporary, wait: failed.Wait})
	s.refused(&st, rec.seq, failed)
	// That it is not written down costs a request too many, nothing else.
	_ = st.write(dir, s.name)
	return s.despite(rec.token, refused, now, failed)
}

// renew asks the provider. A stop does not cut it off at once: the provider may have replaced the token already.
func (s *Source) renew(ctx context.Context, t oauth.Token) (oauth.Token, error) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	defer stop()
	return s.client.Renew(late, t, s.user)
}

func (s *Source) own(err error) *oauth.Error {
	var e *oauth.Error
	if !errors.As(err, &e) {
		e = &oauth.Error{Grant: s.grant(), What: "the token could not be refreshed", Err: err}
	}
	e.Account = s.account
	return e
}

// keep stores a token, and only then gives it away: its predecessor may be of no use any more.
func (s *Source) keep(ctx context.Context, dir *os.File, rec record, st state) (string, error) {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTime)
	defer cancel()
	if err := s.k.store.put(late, dir, s.name, rec.encode()); err != nil {
		s.slot.unsaved = &rec
		return "", &oauth.Error{
			Grant: s.grant(), Account: s.account, What: "the new token can't be stored, so it is not used yet", Err: err, Hint: "make room in state_dir, or look at the program that keeps tokens",
		}
	}
	// What the state has that is lost: the time of the last refresh. It is no reason to use no token.
	_ = stateOf(rec, rec.token.Got).write(dir, s.name)
	return rec.token.Access.Reveal(), nil
}

// stateOf is the state of a token that the provider has just given.
func stateOf(rec record, refreshed time.Time) state {
	t := rec.token
	return state{
		Seq: rec.seq, Login: rec.login, Refreshed: refreshed, Expires: t.Expires, RefreshExpires: t.RefreshExpires, Email: t.Email, Subject: t.Subject, Scopes: t.Scopes,
	}
}

// refused counts a failure, and gives the token up when the provider means it.
func (s *Source) refused(st *state, seq uint64, e *oauth.Error) {
	now := s.k.o.Now()
	old := *st
	*st = old.about(seq)
	if old.Seq != seq { // its refusals do not count, what is known of the login stays
		st.Login, st.Refreshed, st.Expires, st.RefreshExpires, st.Email, st.Subject, st.Scopes =
			old.Login, old.Refreshed, old.Expires, old.RefreshExpires, old.Email, old.Subject, old.Scopes
	}
	st.Seq, st.Setting, st.Last = seq, s.setting(), faultOf(e)
	st.Failures++
	if !e.Refused {
		most := mostWait
		if e.Class == oauth.Configuration {
			most = mostFault
		}
		st.NotBefore = now.Add(max(backoff(st.Failures-1, most), e.Wait))
		return
	}
	if st.Refusals == 0 || st.First.After(now) {
		st.Refusals, st.First = 0, now
	}
	st.Refusals++
	// Three of them at 0, 20 and 60 minutes.
	st.NotBefore = now.Add(max(time.Duration(min(st.Refusals, 2))*20*time.Minute, e.Wait))
	if e.Certain || st.Refusals >= refusals && now.Sub(st.First) >= refusedFor {
		st.Dead = now
		e.Certain = true
		return
	}
	e.Class, e.Wait = oauth.Temporary, st.NotBefore.Sub(now)
	e.Hint = "the provider may mean it, or be out of order for the moment: it is asked again, three times within about an hour. If it goes on: " + e.Hint
	st.Last = faultOf(e)
	st.Last.Refused = true
}
