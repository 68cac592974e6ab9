// Package report is what a pass says of itself: the Report, and the Record in which it is made while messages come. It counts
// and words; it decides nothing but what is worse.
package report

import (
	"encoding/json"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
)

// Report is what one pass did. Counts are of messages.
type Report struct {
	Account      string          `json:"account"`
	Started      time.Time       `json:"started"`
	Duration     time.Duration   `json:"duration_ns"`
	Listed       int             `json:"listed"`  // in the last complete listing
	New          int             `json:"new"`     // became delivered to every destination in this pass, whichever pass retrieved them
	Bytes        int64           `json:"octets"`  // of those, as received
	Deleted      int             `json:"deleted"` // DELE answered +OK
	Kept         int             `json:"kept"`    // delivered and left on the server
	Skipped      int             `json:"skipped"` // left by policy: see Reasons
	Parked       int             `json:"parked"`  // failed too often, or refused for good, here or at a destination: tried again later
	PutOff       int             `json:"put_off"` // of those received: a destination has not taken it, and is tried again
	NewlyParked  int             `json:"newly_parked"`
	Failed       int             `json:"failed"`               // failed in this pass, tried again in the next
	Pending      int             `json:"pending"`              // not durable at every destination yet
	Waived       int             `json:"waived,omitempty"`     // refused for good by a destination that is not required, which goes without
	Quarantined  int             `json:"quarantined"`          // refused by a destination, taken by the fallback
	Recovered    int             `json:"recovered"`            // deliveries of an interrupted pass that were settled first
	Refetched    int             `json:"refetched_unknown"`    // deliveries without trace, fetched again: a duplicate is possible
	Questioned   int             `json:"questioned"`           // UIDs whose message had to be recognised again
	Adopted      int             `json:"adopted"`              // known messages that the server lists under new unique-ids
	Rebuilt      int             `json:"rebuilt"`              // taken as delivered because the Maildir has them: the ledger was missing
	Unfetched    int             `json:"unfetched"`            // with Rebuilt: listed, and not in the Maildir any more: held back
	Notes        []string        `json:"notes,omitempty"`      // what a person should know although nothing failed
	Reasons      map[string]int  `json:"reasons,omitempty"`    // why messages were skipped, parked, kept or failed
	Steps        Steps           `json:"steps,omitzero"`       // with DryRun: the plan
	Held         int             `json:"held,omitempty"`       // held back until a person says what they are: the ledger may have forgotten them
	LeftOut      int             `json:"left_out,omitempty"`   // of a mailbox that was seen for the first time, as first_fetch says: they count as known from now on
	Withheld     int             `json:"withheld,omitempty"`   // due by policy, and kept because of what is known of them: see Reasons
	OnlyShort    bool            `json:"only_short,omitempty"` // nothing failed but that messages came shorter than listed, and wait: see Short
	Untried      bool            `json:"untried,omitempty"`    // the server was not asked: paused, stopped, busy, or it wants time; Verdict and Notes say why
	Paused       bool            `json:"paused,omitempty"`     // with Untried: because the account is paused
	Busy         bool            `json:"busy,omitempty"`       // with Untried: because another popsync works on the account; no failure unless it was Named
	PassTime     bool            `json:"pass_time,omitempty"`  // it was ended because it took as long as a pass may; where Verdict is OK, the next one is to follow at once
	Slow         bool            `json:"slow,omitempty"`       // what Options.Slow said
	Stopped      bool            `json:"stopped,omitempty"`    // it was told to end before it was done, which is no failure and no success: the next one goes on
	Yielded      bool            `json:"yielded,omitempty"`    // it made room for others (ErrYield), and is to go on; Verdict means nothing
	Waiting      string          `json:"waiting,omitempty"`    // what the pass waits for, or waited for in vain (Untried): "memory"; "": nothing
	NextTry      time.Time       `json:"next_try,omitzero"`    // not before this; zero: the schedule alone decides
	NextSend     time.Time       `json:"next_send,omitzero"`   // when what waits for a destination is due there, without asking the server: see Options.Errand; zero: nothing waits for a time
	Errand       bool            `json:"errand,omitempty"`     // only what waits for destinations was tried
	ParkedWhy    string          `json:"-"`                    // where one of the parked messages is stuck, and why, as far as this pass knows; printable
	Settled      int             `json:"-"`                    // deliveries to single destinations that were settled in this pass
	Counted      bool            `json:"-"`                    // Parked and PutOff are how the ledger had them at the end
	Planned      int             `json:"-"`                    // messages that this pass means to fetch, those fetched included; for a progress display
	PlannedBytes int64           `json:"-"`                    // and their octets as listed
	Err          error           `json:"-"`                    // what ended the pass early, or nil
	Verdict      verdict.Verdict `json:"verdict"`              // of Err and of what befell messages
}

// UnmarshalJSON also reads what earlier versions wrote: the ledger has their reports.
func (r *Report) UnmarshalJSON(doc []byte) error {
	type plain Report
	was := struct {
		*plain
		Bytes int64 `json:"bytes"` // now octets
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(doc, &was); err != nil {
		return err
	}
	if r.Bytes == 0 {
		r.Bytes = was.Bytes
	}
	return nil
}
