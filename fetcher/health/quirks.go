package health

import (
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// Quirks are what logins taught of a server that does not do what it says, or should. Each has an end, and a changed setting of
// the account forgets all. Times are Unix seconds.
type Quirks struct {
	// NoAuthUntil: AUTH is announced and not known; until then USER and PASS log in.
	NoAuthUntil int64 `json:"no_auth_until,omitempty"`
	// TwoStepsUntil: a response in the AUTH command is refused; until then it follows in a step of its own.
	TwoStepsUntil int64 `json:"two_steps_until,omitempty"`
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
	for _, until := range []*int64{&q.NoAuthUntil, &q.TwoStepsUntil, &q.NoCapaUntil} {
		if at := time.Unix(*until, 0); !at.After(now) || at.Sub(now) > noCapaMost+time.Hour {
			*until = 0
		}
	}
}

// Learn takes in what a login showed that ended with err.
func (q *Quirks) learn(c *pop3.Client, l pop3.Login, err error, now time.Time) {
	if c.LastLogin().AuthUnknown && automatic(l) && l.Token == nil {
		q.NoAuthUntil = now.Add(noAuthFor).Unix()
	}
	if c.LastLogin().TwoSteps {
		q.TwoStepsUntil = now.Add(noAuthFor).Unix()
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

// HowToLogIn is how the account logs in, as far as is known. What worked before methods were remembered sent the password.
func (a *Account) HowToLogIn() pop3.Login {
	l := a.Login
	if a.Quirks.NoAuthUntil != 0 && automatic(l) && l.Token == nil {
		l.Auth = "user"
	}
	l.TwoSteps = l.TwoSteps || a.Quirks.TwoStepsUntil != 0
	if l.Worked = a.Method; l.Worked == "" && a.LoggedInAt != 0 {
		l.Worked = sasl.Password
	}
	return l
}

// AsRemembered is how a pass would log in, by the facts that are stored; setting is Account.Setting of now.
func AsRemembered(stored []byte, l pop3.Login, setting string, now time.Time) pop3.Login {
	a := Account{Facts: Decode(stored), Config: Config{Login: l}}
	if a.Setting != setting {
		return l
	}
	a.Quirks.current(now)
	return a.HowToLogIn()
}

// methodText tells how the login goes.
func methodText(method string) string { return "the login goes by " + sasl.Name(method) }

// texts tell of it in words for people.
func (q *Quirks) texts() (lines []string) {
	if q.NoAuthUntil != 0 {
		lines = append(lines, fmt.Sprintf("it announces SASL mechanisms and does not know AUTH; until %s the login goes by USER and PASS", words.Stamp(q.NoAuthUntil)))
	}
	if q.TwoStepsUntil != 0 {
		lines = append(lines, fmt.Sprintf("it refuses an AUTH command with a response in it; until %s that follows in a step of its own", words.Stamp(q.TwoStepsUntil)))
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
