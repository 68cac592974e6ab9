// Package verdict is the only judge of errors: what one means for the person, for the exit code and for the process. Other
// rooms report facts, in error types of their own; errors of the fetcher's rooms say themselves what they mean (Judged).
// Unknown means temporary. It decides nothing about waiting or retrying: whoever does asks it what kind of error there is.
package verdict

import (
	"errors"

	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Class orders outcomes by what a person or a script must do.
type Class string

const (
	OK        Class = "ok"
	Temporary Class = "temporary" // the next pass may succeed unaided: exit 75
	Login     Class = "login"     // the server refused the login: exit 77
	Config    Class = "config"    // a person must change the configuration or a place it names: exit 78
	Internal  Class = "internal"  // popsync's own fault, or its ledger's: exit 70
)

// Verdict is what a pass's outcome means.
type Verdict struct {
	Class   Class  `json:"class"`
	Message string `json:"message,omitempty"` // what failed; printable, no secrets
	Hint    string `json:"hint,omitempty"`    // next step for a person
	Stop    bool   `json:"-"`                 // the whole process must stop: its memory cannot be used
}

// Text is the verdict as it is stored and logged: one line, with the hint in brackets.
func (v Verdict) Text() string {
	if v.Hint == "" {
		return v.Message
	}
	return words.Clip(v.Message + " (" + v.Hint + ")")
}

// Judged is an error of our own, which says itself what it means. facts is what the errors of other rooms that it wraps mean,
// with its own text for a message.
type Judged interface {
	error
	Judge(facts Verdict) Verdict
}

// Of is the one place where facts are judged: what an error means for the person and for the process. Unknown
// means temporary.
func Of(err error) Verdict {
	if err == nil {
		return Verdict{Class: OK}
	}
	v := judgeFacts(err)
	var own Judged
	if errors.As(err, &own) {
		return own.Judge(v)
	}
	return v
}

// Final tells that nothing may be committed in a pass after an error: the process must stop, or it is not known what the ledger
// has, which the next pass finds out.
func Final(err error) bool { return Of(err).Stop || errors.Is(err, uidl.ErrDoubt) }

// severity orders classes for one exit code: see cmd/popsync.
var severity = map[Class]int{OK: 0, Temporary: 1, Login: 2, Internal: 3, Config: 4}

// Worse tells whether a outranks b when accounts differ: 78, 70, 77, 75, 0 in this order.
func Worse(a, b Class) bool { return severity[a] > severity[b] }
