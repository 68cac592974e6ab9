package oauth

import (
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
)

// Class is what has to happen before a token can be had.
type Class int

// The classes of errors, each with the exit code that follows from it.
const (
	Temporary     Class = iota // nothing: it may work later. 75
	NeedLogin                  // a person logs in again. 77
	NeedPerson                 // a person or an administrator changes something at the provider. 77
	Configuration              // a person changes the configuration, or the registration of the client. 78
)

// Error is why there is no token. It shows nothing of what the provider wrote but Code and Detail.
type Error struct {
	Class   Class
	Grant   string // whose; "": not known
	Key     string // of its table, that has to be mended; "": none alone, or it is no matter of the configuration
	Account string // the same; "": none
	What    string // what is wrong, in words of ours
	Code    string // "error" of RFC 6749, section 5.2, and its extensions; "": none
	Detail  int    // Microsoft's number, as in AADSTS700082; 0: none
	Status  int    // of HTTP; 0: no answer came
	Missing []string
	Wait    time.Duration // that the provider asked for; 0: none
	Hint    string        // next step for a person. "ACCOUNT" in it stands for the account
	// Refused tells that the provider refused the token itself, or the person's login: when that goes on, the token is dead.
	Refused bool
	// Certain tells that it need not be tried again: the refusal means what it says.
	Certain bool
	Err     error // of the network or the system; nil: none
}

// Error is one line without the hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("OAuth")
	if e.Grant != "" {
		b.WriteString(" " + e.Grant)
	}
	b.WriteString(": " + e.What)
	if len(e.Missing) > 0 {
		b.WriteString(": " + strings.Join(e.Missing, " "))
	}
	var facts []string
	if e.Code != "" {
		facts = append(facts, e.Code)
	}
	if e.Detail != 0 {
		facts = append(facts, fmt.Sprintf("AADSTS%d", e.Detail))
	}
	if e.Status != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.Status))
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the error of the network or the system.
func (e *Error) Unwrap() error { return e.Err }

// Next is the next step for a person, with the account's name in it where that is known.
func (e *Error) Next() string {
	if e.Account == "" {
		return e.Hint
	}
	return strings.ReplaceAll(e.Hint, "ACCOUNT", e.Account)
}

// Judge makes it a verdict.Judged: no token means no login, and nothing of the server is known.
func (e *Error) Judge(facts verdict.Verdict) verdict.Verdict {
	facts.Hint = e.Next()
	switch e.Class {
	case NeedLogin, NeedPerson:
		facts.Class = verdict.Login
	case Configuration:
		facts.Class = verdict.Config
	default:
		facts.Class = verdict.Temporary
		if facts.Hint == "" {
			facts.Hint = "the next pass tries again"
		}
	}
	return facts
}
