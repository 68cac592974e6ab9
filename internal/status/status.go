// Package status says how accounts are, from what the ledger remembers and a running daemon says: as JSON, as a table with
// what is to be told below it, and as one line for monitors. What needs a person comes first.
//
// Commands call it. It asks nobody, reads nothing and changes nothing.
package status

import (
	"time"

	"github.com/popsync/popsync/internal/control"
)

// Account is what status shows of an account, as JSON; docs/json.md documents it.
type Account struct {
	Account     string      `json:"account"`
	State       State       `json:"state"`
	LastPass    time.Time   `json:"last_pass,omitzero"`
	LastSuccess time.Time   `json:"last_success,omitzero"`
	New         int         `json:"new"` // in the last pass
	Kept        int         `json:"kept"`
	Parked      int         `json:"parked"`
	PutOff      int         `json:"put_off"` // at a destination, tried again soon
	Skipped     int         `json:"skipped"`
	Pending     int         `json:"pending"`
	Held        int         `json:"held"`   // held back until a person says what they are
	Unsure      int         `json:"unsure"` // kept on the server because nobody saw them safe
	GivenUp     int         `json:"given_up,omitempty"`
	LeftOut     int         `json:"left_out,omitempty"` // by the first run, of late
	Waiting     []Waiting   `json:"waiting,omitempty"`
	CameShort   *Short      `json:"came_short,omitempty"`
	LeftAlone   []LeftAlone `json:"left_alone,omitempty"`
	Resting     []Resting   `json:"resting,omitempty"`
	Missed      []Missed    `json:"missed,omitempty"`
	Without     []Missed    `json:"without,omitempty"`
	Diverted    []Diverted  `json:"diverted,omitempty"`
	Failures    int64       `json:"failures"` // passes in a row
	Trouble     string      `json:"trouble,omitempty"`
	Class       string      `json:"class,omitempty"` // of the trouble
	NextStep    string      `json:"next_step,omitempty"`

	Slow     bool `json:"slow,omitempty"`      // its passes are made in the slow lane
	PassTime bool `json:"pass_time,omitempty"` // the last pass took as long as a pass may

	Risks []string `json:"risks,omitempty"` // that its configuration accepts

	// What only a running daemon knows.
	Daemon       bool              `json:"daemon"` // it has this account
	NextRun      time.Time         `json:"next_run,omitzero"`
	RunningSince time.Time         `json:"running_since,omitzero"`
	Progress     *control.Progress `json:"progress,omitempty"`

	Paused       bool      `json:"paused"`
	NotBefore    time.Time `json:"not_before,omitzero"`
	Reason       string    `json:"reason,omitempty"` // of not_before
	TroubleSince time.Time `json:"trouble_since,omitzero"`
	Alarmed      bool      `json:"alarmed,omitempty"` // a person was told of it

	aloneWords  []string // about LeftAlone and Resting, for people
	missedWords []string // and about Missed
	onlyShort   bool     // the last pass failed in nothing but that messages came short

	missing bool // there is a daemon, and it does not have the account
	queued  bool // due, but for its turn
	working bool // somebody works on it: a run without the daemon, if that does not say that it does
	begun   bool // a pass was begun at some time
}

// State is how an account is, in a word.
type State string

const (
	StateNew     State = "new" // it never ran
	StateOK      State = "ok"
	StateRunning State = "running"
	StateWaiting State = "waiting" // for its turn, or until it may be tried again
	StatePaused  State = "paused"
	StateTrouble State = "trouble" // the last pass failed
	// StateUnfinished: passes were begun, and none has come to an end.
	StateUnfinished State = "unfinished"
	StateParked     State = "parked" // all is well but for messages that failed too often or were refused for good
)
