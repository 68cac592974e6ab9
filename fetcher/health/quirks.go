package health

import (
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// Quirks are what logins taught of a server that does not do what it says, or should. Each has an end, and a changed setting of
// the account forgets all. Times are Unix seconds.
type Quirks struct {
	// NoAuthUntil: AUTH PLAIN is announced and not known; until then USER and PASS log in.
	NoAuthUntil int64 `json:"no_auth_until,omitempty"`
	// NoCapaUntil: CAPA breaks the connection; until then it is not asked. NoCapa is how often that was found in a row.
	NoCapaUntil int64 `json:"no_capa_until,omitempty"`
	NoCapa      int   `json:"no_capa,omitempty"`
}

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
func (q *Quirks) current(now time.Time) {
	for _, until := range []*int64{&q.NoAuthUntil, &q.NoCapaUntil} {
		if at := time.Unix(*until, 0); !at.After(now) || at.Sub(now) > noCapaMost+time.Hour {
			*until = 0
		}
	}
}

// Learn takes in what a login showed that ended with err.
func (q *Quirks) learn(c *pop3.Client, l pop3.Login, err error, now time.Time) {
	if c.LastLogin().AuthUnknown && automatic(l) {
		q.NoAuthUntil = now.Add(noAuthFor).Unix()
	}
	var refused *pop3.LoginError
	if err != nil && !errors.As(err, &refused) {
		return // a connection that broke here says nothing of CAPA
	}
	if !c.AsksCapa() && q.NoCapaUntil == 0 {
		q.WithoutCapa(now)
	}
}

// WithoutCapa notes that CAPA broke the connection.
func (q *Quirks) WithoutCapa(now time.Time) {
	q.NoCapa++
	q.NoCapaUntil = Ceil(now.Add(noCapaWait(q.NoCapa)))
}

// automatic tells that nobody has said how to log in.
func automatic(l pop3.Login) bool { return l.Auth == "" || l.Auth == "auto" }

// Login is how the account logs in, as far as is known.
func (q *Quirks) Login(l pop3.Login) pop3.Login {
	if q.NoAuthUntil != 0 && automatic(l) {
		l.Auth = "user"
	}
	return l
}

// texts tell of it in words for people.
func (q *Quirks) texts() (lines []string) {
	if q.NoAuthUntil != 0 {
		lines = append(lines, fmt.Sprintf("it announces AUTH PLAIN and does not know AUTH; until %s the login goes by USER and PASS", words.Stamp(q.NoAuthUntil)))
	}
	if q.NoCapaUntil != 0 {
		lines = append(lines, fmt.Sprintf("CAPA broke the connection, so until %s it is not asked what it can do: no commands are sent ahead, and no TOP", words.Stamp(q.NoCapaUntil)))
	}
	return lines
}

const (
	noAuthFor   = 30 * 24 * time.Hour
	noCapaFor   = 6 * time.Hour // the first time: it may have been chance, and without CAPA neither TOP nor PIPELINING is known
	noCapaAgain = 7 * 24 * time.Hour
	noCapaMost  = 30 * 24 * time.Hour
)
