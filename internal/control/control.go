// Package control lets commands talk to the running daemon, through a unix socket that only the daemon's own user and
// root may use: HTTP (RFC 9110) with JSON bodies.
//
// It moves questions and answers and knows nothing of mail. It never listens on a network, puts no secret into an answer,
// and takes no part of a request as a path. Whoever asks is told by the kernel, not by the request. Fields that one side
// does not know are ignored, so that a command and a daemon of different versions understand each other.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Handler is the daemon behind the socket. Its methods are called on several goroutines at once; their contexts end when
// the caller went away or the daemon stops. Errors are shown to the person who asked.
type Handler interface {
	// Status tells what the daemon knows.
	Status(ctx context.Context) (Status, error)
	// Wake makes passes over accounts due now, whatever they wait for; none named: over all. It returns the names that
	// the daemon does not know, and wakes the others.
	Wake(ctx context.Context, accounts []string) (unknown []string, err error)
	// Pause stops or resumes passes over an account until the opposite is said. *UnknownError: there is no such account.
	Pause(ctx context.Context, account string, paused bool) error
	// Run makes a pass over each account now and returns when all have ended. progress takes what changed, also of passes
	// that ran before it was asked, and report the report of each pass at its end. Both are called from any goroutine and
	// never block. *UnknownError: nothing was begun. When ctx ends nobody watches any more, and the passes go on.
	Run(ctx context.Context, q RunRequest, progress func(Progress), report func(json.RawMessage)) error
	// Reload reads the configuration again, and tells what came of it. An error tells what is wrong with it: the old one
	// stays in use. A *ReloadError keeps its next step.
	Reload(ctx context.Context) (Reloaded, error)
	// Grant stores what a person's login by OAuth gave, in place of what there was. Logout removes it; revoked tells that the
	// provider was told. *UnknownError: the daemon's configuration has no such login.
	Grant(ctx context.Context, g Grant) error
	Logout(ctx context.Context, g Grant) (revoked bool, err error)
}

// Grant is a login by OAuth: that of an account, or of a destination of it.
type Grant struct {
	Account     string `json:"account"`
	Destination string `json:"destination,omitempty"` // "": of the account itself
	Name        string `json:"name"`                  // of the grant in the configuration
	// Token is oauth.Token as it encodes itself, with its secrets; for Logout none.
	Token json.RawMessage `json:"token,omitempty"`
	// Refused tells that the mail server refused the login by it.
	Refused bool `json:"refused,omitempty"`
}

// RunRequest says which passes are wanted.
type RunRequest struct {
	Accounts []string // none: all
	Asked    bool     // a person wants it, whatever the accounts wait for; else it is a timer's
	Named    bool     // the person named the accounts: a pause counts for nothing, once
}

// Reloaded is what a configuration that was read again has changed.
type Reloaded struct {
	Accounts int `json:"accounts"` // there are now
	Added    int `json:"added"`    // that were not there before
	Removed  int `json:"removed"`  // that were there before
}

// ReloadError is why a configuration was not put into force.
type ReloadError struct {
	Text     string // one line for each problem
	NextStep string // for a person; may be ""
}

// Error is the text without the next step.
func (e *ReloadError) Error() string { return e.Text }

// Status is what the daemon knows of itself and its accounts.
type Status struct {
	PID           int       `json:"pid"`
	Version       string    `json:"version"`
	Started       time.Time `json:"started"`
	Config        string    `json:"config"`                   // the file, absolute and without symbolic links: with StateDir it tells whose daemon it is
	StateDir      string    `json:"state_dir"`                // absolute: tells whose daemon it is
	ReloadProblem string    `json:"reload_problem,omitempty"` // why the last reload changed nothing; "": it did not fail
	Accounts      []Account `json:"accounts"`                 // by name
}

// Account is what the daemon knows of an account and the ledger does not. Zero times are not known or do not apply.
type Account struct {
	Account      string    `json:"account"`
	NextRun      time.Time `json:"next_run,omitzero"`
	RunningSince time.Time `json:"running_since,omitzero"` // zero: no pass is running
	Waiting      bool      `json:"waiting,omitempty"`      // due, but for its turn among the others
	Paused       bool      `json:"paused,omitempty"`
	Slow         bool      `json:"slow,omitempty"`         // its pass is in the slow lane, or the next one begins there
	NotBefore    time.Time `json:"not_before,omitzero"`    // it was put off until then
	Reason       string    `json:"reason,omitempty"`       // why
	TroubleSince time.Time `json:"trouble_since,omitzero"` // when its passes began to fail
	Alarmed      bool      `json:"alarmed,omitempty"`      // a person was told of it
	Progress     *Progress `json:"progress,omitempty"`     // of the running pass; nil: none
}

// TurnWait is what Progress.Waiting says of a pass that was asked for and has not begun.
const TurnWait = "its turn"

// Progress is how far a pass got. Planned figures of 0 are not known yet.
type Progress struct {
	Account      string    `json:"account"`
	Started      time.Time `json:"started,omitzero"`
	Messages     int       `json:"messages"`                 // delivered
	Bytes        int64     `json:"octets"`                   // of them
	Planned      int       `json:"planned,omitempty"`        // messages that the pass wants to fetch
	PlannedBytes int64     `json:"planned_octets,omitempty"` // of them, as listed
	Waiting      string    `json:"waiting,omitempty"`        // what the pass waits for: "memory", "its turn"; "": nothing
	Before       bool      `json:"before,omitempty"`         // this pass ran before one was asked for, which comes after it
	Ended        bool      `json:"ended,omitempty"`          // the pass is over
}

var (
	// ErrNoDaemon: nobody listens at the socket.
	ErrNoDaemon = errors.New("no daemon is running")
	// ErrRunning: another daemon listens at the socket, or is about to.
	ErrRunning = errors.New("another daemon is running")
	// ErrGone: the daemon ended, or fell silent, before it had answered.
	ErrGone = errors.New("the daemon ended before it had answered")
)

// UnknownError names accounts that the daemon does not have.
type UnknownError struct {
	Accounts []string
}

// Error names them.
func (e *UnknownError) Error() string {
	return "the daemon does not know: " + strings.Join(e.Accounts, ", ")
}
