package fetcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// quirks are what logins taught of a server that does not do what it says, or should. Each has an end, and a changed setting of
// the account forgets all. Times are Unix seconds.
type quirks struct {
	// NoAuthUntil: AUTH PLAIN is announced and not known; until then USER and PASS log in.
	NoAuthUntil int64 `json:"no_auth_until,omitempty"`
	// NoCapaUntil: CAPA breaks the connection; until then it is not asked. NoCapa is how often that was found in a row.
	NoCapaUntil int64 `json:"no_capa_until,omitempty"`
	NoCapa      int   `json:"no_capa,omitempty"`
}

const (
	noAuthFor   = 30 * 24 * time.Hour
	noCapaFor   = 6 * time.Hour // the first time: it may have been chance, and without CAPA neither TOP nor PIPELINING is known
	noCapaAgain = 7 * 24 * time.Hour
	noCapaMost  = 30 * 24 * time.Hour
)

// noCapaWait is for how long CAPA is not asked after it broke the connection n times in a row.
func noCapaWait(n int) time.Duration {
	switch {
	case n <= 1:
		return noCapaFor
	case n == 2:
		return noCapaAgain
	}
	return noCapaMost
}

// current forgets what is to be tried again, and what a wrong clock noted.
func (q *quirks) current(now time.Time) {
	for _, until := range []*int64{&q.NoAuthUntil, &q.NoCapaUntil} {
		if at := time.Unix(*until, 0); !at.After(now) || at.Sub(now) > noCapaMost+time.Hour {
			*until = 0
		}
	}
}

// learn takes in what a login showed that ended with err.
func (q *quirks) learn(c *pop3.Client, l pop3.Login, err error, now time.Time) {
	if c.AuthUnknown() && automatic(l) {
		q.NoAuthUntil = now.Add(noAuthFor).Unix()
	}
	var refused *pop3.LoginError
	if err != nil && !errors.As(err, &refused) {
		return // a connection that broke here says nothing of CAPA
	}
	if !c.AsksCapa() && q.NoCapaUntil == 0 {
		q.withoutCapa(now)
	}
}

// withoutCapa notes that CAPA broke the connection.
func (q *quirks) withoutCapa(now time.Time) {
	q.NoCapa++
	q.NoCapaUntil = ceil(now.Add(noCapaWait(q.NoCapa)))
}

// automatic tells that nobody has said how to log in.
func automatic(l pop3.Login) bool { return l.Auth == "" || l.Auth == "auto" }

// login is how the account logs in, as far as is known.
func (q *quirks) login(l pop3.Login) pop3.Login {
	if q.NoAuthUntil != 0 && automatic(l) {
		l.Auth = "user"
	}
	return l
}

// texts tell of it in words for people.
func (q *quirks) texts() (lines []string) {
	if q.NoAuthUntil != 0 {
		lines = append(lines, fmt.Sprintf("it announces AUTH PLAIN and does not know AUTH; until %s the login goes by USER and PASS", words.Stamp(q.NoAuthUntil)))
	}
	if q.NoCapaUntil != 0 {
		lines = append(lines, fmt.Sprintf("CAPA broke the connection, so until %s it is not asked what it can do: no commands are sent ahead, and no TOP", words.Stamp(q.NoCapaUntil)))
	}
	return lines
}

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

// diagnoses tells whether this pass looks into a greeting that does not come: not in each, since a server that is down is then
// asked twice as often. One that was found to expect TLS is looked at each time.
func (p *pass) diagnoses() bool {
	h := p.facts.Hold
	return h == nil || h.Why != waitBackoff || h.N&(h.N+1) == 0 // the next one's number is a power of two
}

// enter opens a session: it connects, logs in and lists.
func (s *session) enter(ctx context.Context, o pop3.Options) (*pop3.Listing, error) {
	c, err := dial(ctx, o, !s.capaWorks, s.diagnoses())
	if err != nil {
		return nil, err
	}
	s.c = c
	if err := s.logIn(c, func() error { return c.Login(ctx, s.facts.Quirks.login(s.a.Login)) }); err != nil {
		return nil, err
	}
	list, err := s.lists(ctx, c)
	if err != nil {
		err = s.pipelined(err)
		c.Close()
		return nil, err
	}
	if c.AsksCapa() {
		s.capaWorks, s.facts.Quirks.NoCapaUntil, s.facts.Quirks.NoCapa = true, 0, 0
	}
	return list, nil
}

// enterWithoutCapa is the second try where CAPA broke a session that enter had begun, at the login or behind it. Where logins
// must lie apart the next pass makes it.
func (s *session) enterWithoutCapa(ctx context.Context, o pop3.Options, cause error) (*pop3.Listing, error) {
	var cut *memory.CutError // the listing gave way to others
	if o.NoCapa || s.capaWorks || ctx.Err() != nil || errors.As(cause, &cut) || !pop3.BrokenByCapa(cause) {
		return nil, cause
	}
	if s.tooSoon() {
		s.facts.Quirks.withoutCapa(s.now())
		return nil, cause
	}
	o.NoCapa = true
	return s.enter(ctx, o)
}
