package health

import (
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
)

// relayRefusals is how many refused logins a destination may see before the next waits an hour at least.
const (
	RelayRefusals = 3
	RelayWait     = time.Hour
)

// A run from a timer tries a destination each time, but one that refused messages in so many runs in a row hourly only: each try
// sends a message in vain.
const (
	RefusedRuns = 3
	RefusedWait = time.Hour
)

// LimitWait is how long a destination rests that took some messages and refused more.
const LimitWait = time.Minute

// DownRecord is what the ledger remembers of a remote destination that is down. Times are Unix seconds.
type DownRecord struct {
	Since    int64           `json:"since"`
	Failures int             `json:"failures"`          // passes in a row that could not send to it
	Refused  int             `json:"refused,omitempty"` // and those of them in which it refused our login
	NextTry  int64           `json:"next_try,omitempty"`
	Setting  string          `json:"setting,omitempty"`
	Verdict  verdict.Verdict `json:"verdict"`           // of the last failure
	Refuses  bool            `json:"refuses,omitempty"` // connection and login went well: it refused messages
}

// RefusesMessages tells of an outage that single messages may end, if the destination is still reached in the same way.
func (o *DownRecord) RefusesMessages(setting string) bool {
	return o != nil && o.Refuses && o.Setting == setting
}

// Told adds to a verdict since when the destination is down and when it is tried next.
func (o *DownRecord) Told(v verdict.Verdict) verdict.Verdict {
	if o.Failures > 1 {
		v.Message += "; down since " + words.Stamp(o.Since)
	}
	if o.NextTry != 0 {
		v.Message += "; tried next at " + words.Stamp(o.NextTry)
	}
	v.Message = words.Clip(v.Message)
	return v
}

// DownError stands for a destination that is left in peace in this pass. What is staged for it waits, and so does what
// comes.
type DownError struct{ *DownRecord }

func (e *DownError) Error() string { return e.Verdict.Message }

func (e *DownError) Judge(verdict.Verdict) verdict.Verdict { return e.Verdict }

// Trusted is for how long a destination that took mail is believed to be set right.
const Trusted = 7 * 24 * time.Hour

// Took is when a remote destination last took a message (Unix seconds), and how it was reached then.
type Took struct {
	At      int64  `json:"at"`
	Setting string `json:"setting,omitempty"`
}

// Since is At, if the destination is reached in the same way now.
func (t Took) Since(setting string) int64 {
	if t.Setting != setting {
		return 0
	}
	return t.At
}
