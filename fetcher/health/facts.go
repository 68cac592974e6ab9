package health

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/popsync/popsync/internal/words"
)

// NoteBaseline remembers what a baseline is about to end. imported: it marks what another fetcher remembers, not all.
func (f *Facts) NoteBaseline(mark int64, marked int, imported bool, now time.Time) {
	f.Marks = mark
	f.Baselined = &Baselined{Mark: mark, At: now.Unix(), Marked: marked, Imported: imported, Verify: f.Verify, LostAt: f.LostAt, RenewedAt: f.RenewedAt,
		Flood: f.Flood, Backlog: f.Backlog, Accepted: f.Accepted}
}

// pace tells whether commands are sent ahead of their replies.
func (f *Facts) pace(forbidden bool, now time.Time) string {
	lost := ""
	if w := &f.Wire; w.Lost > 0 {
		lost = fmt.Sprintf("the server lost step or fell silent, last %s", words.Stamp(w.LostAt))
		if w.Lost > 1 {
			lost = fmt.Sprintf("the server lost step or fell silent %d times, last %s", w.Lost, words.Stamp(w.LostAt))
		}
	}
	switch {
	case forbidden:
		return "commands are sent one at a time, as the configuration says"
	case f.NoPipeliningUntil > now.Unix() && lost != "":
		return fmt.Sprintf("commands are sent one at a time until %s: %s", words.Stamp(f.NoPipeliningUntil), lost)
	case f.NoPipeliningUntil > now.Unix():
		return fmt.Sprintf("commands are sent one at a time until %s: when they were sent ahead, not all replies could be told apart", words.Stamp(f.NoPipeliningUntil))
	case lost != "":
		return "commands are sent ahead again, if the server announces PIPELINING; before, " + lost
	}
	return "commands are sent ahead, if the server announces PIPELINING"
}

// AddMissed adds messages that destinations will never have, by name.
func (f *Facts) AddMissed(more map[string]int, now int64) {
	for name, n := range more {
		if f.Missed == nil {
			f.Missed = map[string]MissedMail{}
		}
		f.Missed[name] = MissedMail{f.Missed[name].N + n, now}
	}
}

// forgetMissed drops what was told for long enough, or noted by a wrong clock.
func (f *Facts) forgetMissed(now time.Time) {
	maps.DeleteFunc(f.Missed, func(_ string, m MissedMail) bool {
		at := time.Unix(m.Last, 0)
		return now.Sub(at) > missedTold || at.Sub(now) > farthestTry
	})
}

// missedMails are those to tell of, by destination.
func (f *Facts) missedMails(now time.Time) []Missed {
	f.forgetMissed(now)
	var all []Missed
	for _, name := range slices.Sorted(maps.Keys(f.Missed)) {
		all = append(all, Missed{name, f.Missed[name].N, time.Unix(f.Missed[name].Last, 0)})
	}
	return all
}

// Facts is what a server taught us; stored with the account.
type Facts struct {
	// LostAt is when Verify ended (Unix seconds): what a listing hid then may still come up.
	LostAt int64 `json:"lost_at,omitempty"`
	// NoPipeliningUntil: announced pipelining was found broken; tried again after this time (Unix seconds).
	NoPipeliningUntil int64 `json:"no_pipelining_until,omitempty"`
	// Wire is how the server speaks: see wire.go.
	Wire WireFacts `json:"wire,omitzero"`
	// Stumbles are the steps about known mail that broke sessions: see stumbles.go.
	Stumbles Stumbles `json:"stumbles,omitzero"`
	// Verify: the ledger was repaired, is older than the world, or was lost: it may lack rows: see VerifyMode.
	Verify bool `json:"verify,omitempty"`
	// RenewedAt: the server gave known messages new unique-ids, and not all were looked at yet (Unix seconds).
	RenewedAt int64 `json:"renewed_at,omitempty"`
	// Arrivals, Backlog, Flood and Accepted are the flood breaker's: see flood.go.
	Arrivals []Arrival `json:"arrivals,omitempty"`
	Backlog  int       `json:"backlog,omitempty"`
	Flood    *Flood    `json:"flood,omitempty"`
	Accepted int64     `json:"accepted,omitempty"`
	// Baselined is the last baseline, as long as it can be taken back; Marks is the number that the last one gave what it
	// marked: see MarksEach.
	Baselined *Baselined `json:"baselined,omitempty"`
	Marks     int64      `json:"marks,omitempty"`
	// First is the first sight of the mailbox, if not all was wanted: see fetcher/first_fetch.go. nil: all was.
	First *FirstFetch `json:"first,omitempty"`
	// Setting is the Account.Setting that the following is true of; LoggedInAt the last login that succeeded (Unix
	// seconds); LoginDelay what the server announced (seconds). Refused: see login.go.
	Setting    string    `json:"setting,omitempty"`
	LoggedInAt int64     `json:"logged_in_at,omitempty"`
	LoginDelay int64     `json:"login_delay,omitempty"`
	Refused    *Refusals `json:"refused,omitempty"`
	// Method is what logged in last where nobody said how, as in sasl.Outcome; "": nothing yet, or an older version did.
	Method string `json:"method,omitempty"`
	// Taught is what remote destinations learned of how they are spoken to, by name: see deliver.Learner.
	Taught map[string]Taught `json:"taught,omitempty"`
	// Quirks are what logins taught of the server: see quirks.go.
	Quirks Quirks `json:"quirks,omitzero"`
	// Hold is why and how long the account waits: see waits.go. Paused is since when a person wants it to (Unix seconds).
	Hold   *Hold `json:"hold,omitempty"`
	Paused int64 `json:"paused,omitempty"`
	// Down has the remote destinations that are, by name: see outages.go. Took is when others, or these, last took a message.
	Down map[string]*DownRecord `json:"down,omitempty"`
	Took map[string]Took        `json:"took,omitempty"`
	// Parked is how many messages were parked at the end of the last pass that listed, those at destinations left out.
	Parked int `json:"parked,omitempty"`
	// OnlyOpen: nothing failed in the last pass but deliveries, which an errand ends.
	OnlyOpen bool `json:"only_open,omitempty"`
	// OnlyMessages: nothing failed in the last pass but messages, on the server or at a destination: see GiveUp.
	OnlyMessages bool `json:"only_messages,omitempty"`
	// Rows is how many rows the ledger had for the account. ListOctets and RowOctets are the memory that the last listing took,
	// and the rows when they were last read.
	Rows       int   `json:"rows,omitempty"`
	ListOctets int64 `json:"list_octets,omitempty"`
	RowOctets  int64 `json:"row_octets,omitempty"`
	// Listed is how many messages the last listing had.
	Listed int `json:"listed,omitempty"`
	// Mailbox is the Account.Mailbox that the rows are of.
	Mailbox string `json:"mailbox,omitempty"`
	// Owner is the Account.Owner that made the last pass.
	Owner string `json:"owner,omitempty"`
	// Adopt: a person said that the destinations are right as the next pass finds them, and that what is open for those
	// that are configured no more goes elsewhere: see Adopt.
	Adopt bool `json:"adopt,omitempty"`
	// Noted is the last lease that is, or was about to be, noted where the mail is; Tokens are those of other ledgers that
	// delivered mail of this account, as far as that was dealt with: see fetcher/rebuild.
	Noted  int64    `json:"noted,omitempty"`
	Tokens []string `json:"tokens,omitempty"`
	// Displaced are messages on their way whose unique-id the server has given to others, or which it has given another one: see
	// moveAside.
	Displaced []Displaced `json:"displaced,omitempty"`
	// VanishedAt is when the server last said of a message that is only read again, or has no unique-id, that it is gone (Unix
	// seconds).
	VanishedAt int64 `json:"vanished_at,omitempty"`
	// Missed is mail that left the server before a destination had it, by the destination's name.
	Missed map[string]MissedMail `json:"missed,omitempty"`
	// Without is what destinations that are not required refused for good, likewise.
	Without map[string]MissedMail `json:"without,omitempty"`
	// Diverted is what fallbacks took, the newest last.
	Diverted []Diverted `json:"diverted,omitempty"`
	// Undeleted is what the server said that it deletes, and may list still: see undeleted.go.
	Undeleted Undeleted `json:"undeleted,omitzero"`
	// Woken: a person wants the next pass to wait for nothing.
	Woken bool `json:"woken,omitempty"`
	// Called: a person named the account while it was paused, and so wants the next pass all the same.
	Called bool `json:"called,omitempty"`
	// Slow: the last pass was slow, or took long while others waited: see Options.Slow.
	Slow bool `json:"slow,omitempty"`
	// Unchanged is the last listing, if all of it is delivered and kept: see unchanged.go.
	Unchanged *Unchanged `json:"unchanged,omitempty"`
}

// Taught is what a destination learned, and how it was reached then.
type Taught struct {
	What    string `json:"what"`
	Setting string `json:"setting,omitempty"`
}

// TaughtTo is what a destination learned, and whether it worked, if it is still reached as it was then.
func (f *Facts) TaughtTo(destination, setting string) (what string, worked bool) {
	if t := f.Taught[destination]; t.Setting == setting {
		what = t.What
	}
	return what, f.Took[destination].Since(setting) != 0
}

// Decode reads stored facts. What cannot be read is as if nothing were known.
func Decode(b []byte) Facts {
	var f Facts
	// What cannot be read is learned again.
	_ = json.Unmarshal(b, &f)
	return f
}

// Encode is the form in which they are stored.
func (f Facts) Encode() []byte {
	b, err := json.Marshal(f)
	if err != nil {
		return []byte("{}")
	}
	return b
}

// Current forgets what is to be tried again.
func (f *Facts) Current(now time.Time) {
	f.Stumbles.current(now)
	f.Undeleted.current(now)
	f.forgetMissed(now)
	w := &f.Wire
	f.Quirks.current(now)
	if until := time.Unix(f.NoPipeliningUntil, 0); until.Before(now) || until.Sub(now) > MostApart+time.Hour { // noted by a wrong clock
		f.NoPipeliningUntil = 0
	}
	if age := now.Sub(time.Unix(w.ScanAt, 0)); w.Scan < 0 && (age > scanAgain || -age > farthestTry) {
		w.Scan, w.ScanAt = 0, 0
	}
}
