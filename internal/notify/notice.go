package notify

import (
	"context"
	"time"
)

// What Notice.Kind may be.
const (
	Trouble   = "trouble"
	Recovered = "recovered"
	Test      = "test" // nothing has happened: a person wants to know whether alarms arrive; see NewTest
)

// Notice is one thing to tell. Its JSON form, with "text" added, is what a webhook gets.
type Notice struct {
	// ID is the same whenever this notice is sent, so that receivers can tell a double: 26 letters and digits for the
	// incident, a dash, and "trouble", "person" (when trouble that was told turned out to need somebody) or "recovered".
	ID string `json:"id"`
	// Follows is the ID of the incident's first notice, "" in that one itself.
	Follows string    `json:"follows,omitempty"`
	Account string    `json:"account"`
	Host    string    `json:"host"`     // the machine that popsync runs on
	Kind    string    `json:"kind"`     // Trouble, Recovered or Test
	About   string    `json:"about"`    // "trouble" with the account, "parked" messages, those "skipped" for their size, or what is "ending"
	Person  bool      `json:"person"`   // somebody must act, or had to
	Since   time.Time `json:"since"`    // when the incident began
	At      time.Time `json:"at"`       // when this was to be told; of a recovery, the end
	Cause   string    `json:"cause"`    // a short class, such as "login"
	What    string    `json:"what"`     // what failed last
	Means   string    `json:"means"`    // what it means for the mail
	Next    string    `json:"next"`     // what a person should do; may be ""
	Failed  int       `json:"failures"` // passes that failed since then
	Parked  int       `json:"parked"`   // messages parked
}

// Channel is a way to tell. Send may be called from several goroutines.
type Channel interface {
	// Name tells the channel from the account's others, and stays the same over restarts: it is part of the state.
	Name() string
	// Send returns nil once the notice has been taken. An error that wraps a *SendError says when to try again, and
	// any other means: later. ctx is bounded to a minute. No error holds a secret.
	Send(ctx context.Context, n Notice) error
}

// SendError tells what is known about the next attempt.
type SendError struct {
	Err       error
	Permanent bool          // there shall be none
	After     time.Duration // not before; 0: as the Notifier likes, which also bounds it to 6 hours
}

// Error is the text of Err.
func (e *SendError) Error() string { return e.Err.Error() }

// Unwrap gives Err.
func (e *SendError) Unwrap() error { return e.Err }
