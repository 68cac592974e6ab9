package tokens

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/safepath"
)

// stopGrace is how long a request goes on after the program was told to stop: an answer that nobody stores may end the login.
const stopGrace = 10 * time.Second

// Token gives an access token for a login. refused is the one that a server has just refused, "" at first: then it is refreshed
// once even if it looks fresh, unless another one is stored by then. "" without an error: the provider has just given it, and another
// one would be refused as well.
//
// While the provider can't be reached an access token is given until its very end, and an error after that. Every error is an
// *oauth.Error, or ctx's.
func (s *Source) Token(ctx context.Context, refused string) (string, error) {
	select {
	case <-s.slot.turn:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { s.slot.turn <- struct{}{} }()
	dir, err := s.open()
	switch missing := errors.Is(err, fs.ErrNotExist); { // the state directory is: nobody has run yet
	case missing && s.client.Grant().Flow.Alone():
		return s.unkept(ctx, refused)
	case missing && len(s.k.o.Command) == 0:
		return "", s.nobody()
	case err != nil:
		return "", s.fault("the folder of tokens can't be used", err)
	}
	defer dir.Close()
	if text, err := s.ready(ctx, dir, refused); text != "" || err != nil && refused == "" {
		return text, err
	}
	lock, err := hold(ctx, dir, s.name)
	if err != nil {
		return "", s.busy(ctx, err)
	}
	defer lock.Close()
	// Who waited finds what the other one got.
	text, err := s.ready(ctx, dir, refused)
	if text == "" && err == nil {
		text, err = s.refresh(ctx, dir, refused)
	}
	if err != nil && refused != "" {
		s.spurned(ctx, dir, refused)
	}
	if errors.Is(err, errFresh) {
		err = nil
	}
	return text, err
}

// errFresh stops a refresh: the token that a server refuses was given a moment ago.
var errFresh = errors.New("the token is fresh")

// Spurn notes that a server refuses the token that a person's login gave: see Status.Refused. It is refreshed before it is sent again.
func (s *Source) Spurn(ctx context.Context, t oauth.Token) error {
	return s.alone(ctx, func(dir *os.File) error {
		s.spurned(ctx, dir, t.Access.Reveal())
		return nil
	})
}

// spurned notes that a server refuses the access token that is stored, and that there is no other now: it is not sent again. The lock
// is held. That it is not written down costs a login too many, nothing else.
func (s *Source) spurned(ctx context.Context, dir *os.File, refused string) {
	rec, st, err := s.load(ctx, dir)
	if err != nil || rec.token.Access.Reveal() != refused {
		return
	}
	if st.Seq != rec.seq {
		st = stateOf(rec, rec.token.Got)
	}
	st.Spurned = true
	_ = st.write(dir, s.name)
}

func (s *Source) open() (*os.File, error) {
	dir, err := safepath.MakeDir(s.k.o.Dir, durable.SyncDir)
	return dir, safepath.WithNextStep(err)
}

// ready gives the token that is stored if it will do, or the error if there is none to be had now. Both empty: it must be refreshed.
func (s *Source) ready(ctx context.Context, dir *os.File, refused string) (string, error) {
	rec, st, err := s.load(ctx, dir)
	if err != nil {
		return "", err
	}
	now := s.k.o.Now()
	if s.slot.unsaved != nil && s.slot.unsaved.seq > rec.seq {
		return "", nil // to be stored first: see refresh
	}
	access := rec.token.Access.Reveal()
	switch {
	case rec.seq == 0 && !s.client.Grant().Flow.Alone():
		return "", s.nobody()
	case access != "" && access != refused && lasts(rec.token, now, early):
		return access, nil
	case access != "" && access == refused && now.Sub(rec.token.Got).Abs() < time.Minute && !rec.token.Got.Equal(rec.login):
		return "", errFresh
	}
	if err := s.barred(st.about(rec.seq), now); err != nil {
		return s.despite(rec.token, refused, now, err)
	}
	return "", nil
}

// nobody is the error where no login is stored.
func (s *Source) nobody() *oauth.Error {
	return &oauth.Error{
		Class: oauth.NeedLogin, Grant: s.grant(), Account: s.account, What: "nobody has logged in yet", Hint: "log in: popsync login ACCOUNT", Certain: true,
	}
}

// unkept gives a token that needs no person where the state directory is missing: nobody has run yet, and who looks before that makes
// nothing. It lasts as long as this process.
func (s *Source) unkept(ctx context.Context, refused string) (string, error) {
	t := s.slot.unkept
	access := t.Access.Reveal()
	switch {
	case access != "" && access == refused:
		return "", nil // a fresh one does not help
	case access != "" && lasts(t, s.k.o.Now(), early):
		return access, nil
	}
	next, err := s.renew(ctx, oauth.Token{})
	switch {
	case err != nil && ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", s.own(err)
	}
	s.slot.unkept = next
	return next.Access.Reveal(), nil
}

// lasts tells whether an access token is good for some time yet. One without an end is asked for anew after an hour.
func lasts(t oauth.Token, now time.Time, margin time.Duration) bool {
	end := t.Expires
	if end.IsZero() {
		end = t.Got.Add(time.Hour)
	}
	// Got in the future: the clock was set back, and nothing can be said of the end.
	return now.Add(min(margin, end.Sub(t.Got)/2)).Before(end) && !t.Got.After(now.Add(margin))
}

// despite gives an access token that is good for a moment yet although it could not be refreshed; else the error.
func (s *Source) despite(t oauth.Token, refused string, now time.Time, err error) (string, error) {
	if access := t.Access.Reveal(); access != "" && access != refused && lasts(t, now, 10*time.Second) {
		return access, nil
	}
	return "", err
}

// barred is why nothing is to be asked now; nil: it may be.
func (s *Source) barred(st state, now time.Time) error {
	switch wait := st.NotBefore.Sub(now); {
	case !st.Dead.IsZero():
		e := st.Last.error(s)
		e.Certain = true
		return e
	case wait <= 0, wait > 25*time.Hour: // further off: the clock was set back
		return nil
	case st.Last != nil && st.Last.Class == oauth.Configuration && st.Setting != s.setting():
		return nil // corrected, as it seems
	default:
		e := st.Last.error(s)
		e.Wait = wait
		return e
	}
}

// load reads what is stored; a record with seq 0: nothing is.
func (s *Source) load(ctx context.Context, dir *os.File) (rec record, st state, err error) {
	if rec, err = s.record(ctx, dir); err != nil {
		return record{}, state{}, err
	}
	if st, err = readState(dir, s.name); err != nil {
		return record{}, state{}, s.fault("what is known of the token can't be read", err)
	}
	if st.about(rec.seq).Spurned {
		rec.token.Access = oauth.Secret{} // as if there were none
	}
	return rec, st, nil
}

// record reads the token that is stored; with seq 0: none is.
func (s *Source) record(ctx context.Context, dir *os.File) (rec record, err error) {
	b, err := s.k.store.get(ctx, dir, s.name)
	if err == nil && b != nil {
		rec, err = decode(b)
	}
	if err != nil {
		return record{}, s.fault("the stored token can't be read", err)
	}
	return rec, nil
}

// fault judges an error of the store: what may be mended by itself, and what a person must mend.
func (s *Source) fault(what string, err error) *oauth.Error {
	e := &oauth.Error{Grant: s.grant(), Account: s.account, What: what, Err: err}
	var unsafe *safepath.Error
	switch {
	case errors.As(err, &unsafe):
		e.Class, e.Hint = oauth.Configuration, unsafe.Mend
	case errors.Is(err, errNoRecord):
		e.Class, e.Hint = oauth.NeedLogin, "log in again: popsync login ACCOUNT"
	case errors.Is(err, errNewerRecord):
		e.Class, e.Hint = oauth.Configuration, "use the newer popsync, or log in again: popsync login ACCOUNT"
	case errors.Is(err, fs.ErrPermission):
		e.Class, e.Hint = oauth.Configuration, "run popsync as the user who logged in"
	}
	return e
}

func (s *Source) busy(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if errors.Is(err, errHeld) {
		return &oauth.Error{Grant: s.grant(), Account: s.account, What: "the token can't be refreshed now", Err: err}
	}
	return s.fault("the folder of tokens can't be used", err)
}
