package notify

import (
	"crypto/rand"
	"strings"
	"time"
)

// What is told when:
//
//   - Trouble that needs a person is told at once. Trouble that may pass is told when every pass has failed for
//     Options.After; if it then turns out to need a person, that is told too. So an incident makes two notices at most.
//   - Parked messages are told when they are as many as Options.Parked, and are over when there are none.
//   - Messages that are left out for their size are told if Options.Skipped, and are over when there are none.
//   - That a login will end soon is told at once, and is over when it will not.
//   - The end of an incident is told to those who were told of its beginning.
//   - Flapping: after an incident was told, the next one of the same account and group is held back for an hour, after
//     that one for two hours, and so on, doubled up to a day. What lasts an hour without a break does not flap: it is
//     told then. So troubles are told an hour apart at least, and one that comes and goes makes five pairs of notices on
//     the first day and one on each later day. A day without any incident, told or not, and all of it is forgotten.
const (
	firstHold = time.Hour
	maxHold   = 24 * time.Hour
	calm      = 24 * time.Hour // without an incident, until flapping is forgotten
	lasting   = time.Hour      // what lasts so long does not flap
)

// The groups of causes, each with its own incident.
const (
	troubleGroup = iota
	parkedGroup
	skippedGroup
	endingGroup
	groups
)

var groupNames = [groups]string{troubleGroup: "trouble", parkedGroup: "parked", skippedGroup: "skipped", endingGroup: "ending"}

// fact is what one outcome says about one group.
type fact struct {
	account, group    string
	at                time.Time
	failing, person   bool
	urgent            bool // told at once
	cause, what, next string
	parked            int
	vague             bool // what does not tell why

	host  string        // for an incident that begins
	after time.Duration // Options.After
	to    []string      // names of the channels that would be told
}

// fact gives the part of an outcome that is about one group; false when it says nothing about it.
func (o Outcome) fact(group, threshold int, open bool) (fact, bool) {
	f := fact{
		account: o.Account, group: groupNames[group], at: o.At.Truncate(time.Second), person: o.Kind == Person,
		urgent: o.Kind == Person, cause: word(o.Cause), what: line(o.What), next: line(o.Next), parked: max(o.Parked, 0),
	}
	aboutMessages := o.Cause == "parked" || o.Cause == "quarantine"
	if group == troubleGroup {
		f.failing = o.Kind != Fine && !aboutMessages
		return f, true
	}
	if group == skippedGroup {
		f.failing = o.Skipped > 0 && (open || threshold > 0)
		f.person, f.urgent, f.parked = false, true, 0
		f.cause, f.what, f.next = groupNames[group], skippedWhat(o.Skipped), ""
		return f, o.Skipped >= 0
	}
	if group == endingGroup {
		f.failing = o.Ending != ""
		f.person, f.urgent, f.parked = true, true, 0
		f.cause, f.what, f.next = groupNames[group], line(o.Ending), line(o.EndingNext)
		return f, !o.EndingUnknown
	}
	needed := aboutMessages && o.Kind == Person
	if o.Parked < 0 && !needed {
		return f, false
	}
	f.failing = needed || open && o.Parked > 0 || threshold > 0 && o.Parked >= threshold
	f.person, f.urgent = needed, true
	if !aboutMessages { // the outcome's words are about something else
		f.cause, f.what, f.next = "parked", line(parkedWhat(f.parked, o.ParkedWhy)), line(parkedNext(o.Account))
		f.vague = o.ParkedWhy == ""
	}
	return f, true
}

// advance is the only place where incidents change. It returns what is to be remembered, nil for nothing, and whether
// that is news.
func advance(r *record, f fact) (*record, bool) {
	switch {
	case f.failing && !r.open():
		r = begin(r, f)
	case f.failing:
		r.Failures++
	case r.open():
		return r.end(f), true
	default:
		return r.expire(f.at)
	}
	if r.Since.After(f.at) { // the clock went back: nobody knows how long it has lasted
		r.Since = f.at
	}
	if f.vague && r.Parked == f.parked && r.Group == groupNames[parkedGroup] && r.What != "" {
		f.what = r.What // as an earlier outcome told
	}
	r.Person, r.Cause, r.What, r.Next, r.Parked = f.person, f.cause, f.what, f.next, f.parked
	if f.urgent || f.at.Sub(r.Since) >= f.after {
		r.tell(f.at, f.to)
	}
	return r, true
}

// begin opens an incident. What is remembered of flapping, and notices of the last one that wait, go on.
func begin(old *record, f fact) *record {
	r := &record{
		Format: format, Account: f.account, Group: f.group, Host: f.host, Since: f.at, Failures: 1,
		ID: strings.ToLower(rand.Text()),
	}
	if old != nil {
		r.Flaps, r.LastTold, r.Queue = old.Flaps, old.LastTold, old.Queue
	}
	return r
}

// end closes the incident.
func (r *record) end(f fact) *record {
	r.Closed = f.at
	if r.Told != "" {
		r.add(Recovered, f.at, f.to) // account.next leaves out who knows of no trouble
	}
	r.trim()
	if r.LastTold.IsZero() && len(r.Queue) == 0 {
		return nil
	}
	return r
}

// expire forgets a closed incident when nothing waits to be sent and no flapping is to be remembered.
func (r *record) expire(at time.Time) (*record, bool) {
	if r == nil || r.open() {
		return r, false
	}
	if r.Closed.After(at) { // the clock went back
		r.Closed = at
		return r, true
	}
	if len(r.Queue) > 0 || at.Sub(r.Closed) < calm {
		return r, false
	}
	return nil, true
}

// tell makes the notice that an open incident calls for now, if any, and tells whether it did. Without a channel there
// is nobody to tell yet.
func (r *record) tell(at time.Time, to []string) bool {
	switch {
	case len(to) == 0, r.Told == toldPerson, r.Told == toldTemporary && !r.Person, r.Told == "" && r.held(at):
		return false
	case r.Told == "":
		r.Flaps++
		r.LastTold = at
	}
	r.Told = toldTemporary
	if r.Person {
		r.Told = toldPerson
	}
	r.add(Trouble, at, to)
	return true
}

// held tells whether an incident that nobody was told of is to wait, because the ones before were told shortly ago.
func (r *record) held(at time.Time) bool {
	if r.LastTold.IsZero() || at.Sub(r.Since) >= lasting {
		return false
	}
	if r.LastTold.After(at) { // the clock went back
		r.LastTold = at
	}
	hold := maxHold
	if n := r.Flaps - 1; n < 5 {
		hold = min(firstHold<<max(n, 0), maxHold)
	}
	return at.Sub(r.LastTold) < hold
}
