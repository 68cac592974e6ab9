package notify

import (
	"slices"
	"time"
)

// What record.Told may be, beside "".
const (
	toldTemporary = "temporary"
	toldPerson    = "person"
)

// record is the content of a file: the open or last incident of an account and group, what of it waits to be sent, and
// what is remembered of those before it.
type record struct {
	Format   int       `json:"format"`
	Account  string    `json:"account"`
	Group    string    `json:"group"`
	ID       string    `json:"id"`
	Host     string    `json:"host"` // as it was when the incident began: part of every Message-ID
	Since    time.Time `json:"since"`
	Failures int       `json:"failures"`
	Person   bool      `json:"person"` // as of the last outcome, like the next four
	Cause    string    `json:"cause"`
	What     string    `json:"what"`
	Next     string    `json:"next"`
	Parked   int       `json:"parked"`
	Told     string    `json:"told"`            // what was made a notice of: "", toldTemporary or toldPerson
	Closed   time.Time `json:"closed,omitzero"` // zero: it is open

	Flaps    int       `json:"flaps"`              // incidents told without a calm day in between
	LastTold time.Time `json:"last_told,omitzero"` // when the last of them was

	Queue []*queued `json:"queue,omitempty"` // oldest first; also those sent, as long as others of the incident are not
}

// queued is a notice and how far it got on each channel.
type queued struct {
	Incident string          `json:"incident"`
	Notice   Notice          `json:"notice"`
	To       map[string]*try `json:"to"` // by name of the channel
}

// open tells whether there is an incident now. A nil record has none.
func (r *record) open() bool { return r != nil && r.Closed.IsZero() }

// told tells whether forgetting the record would make something be told again.
func (r *record) told() bool {
	return r != nil && (r.Told != "" || !r.LastTold.IsZero() || len(r.Queue) > 0)
}

// add queues a notice about the incident as it is now.
func (r *record) add(kind string, at time.Time, to []string) {
	n := Notice{
		Account: r.Account, Host: r.Host, Kind: kind, About: r.Group, Person: r.Person,
		Since: r.Since, At: at, Cause: r.Cause, What: r.What, Next: r.Next, Failed: r.Failures, Parked: r.Parked,
	}
	n.ID = r.ID + "-" + kind
	for _, q := range r.Queue {
		if q.Incident == r.ID {
			n.Follows = q.Notice.ID
			if kind == Trouble {
				n.ID = r.ID + "-person"
			}
			break
		}
	}
	if kind == Recovered {
		n.Next = ""
	}
	n.Means = n.means()
	q := &queued{Incident: r.ID, Notice: n, To: map[string]*try{}}
	for _, name := range to {
		q.To[name] = &try{State: due}
	}
	r.Queue = append(r.Queue, q)
}

// knows tells whether a channel was told of an incident's trouble, or may still be.
func (r *record) knows(incident, channel string) bool {
	for _, q := range r.Queue {
		if t := q.To[channel]; t != nil && q.Incident == incident && q.Notice.Kind == Trouble && t.State != ended {
			return true
		}
	}
	return false
}

// trim drops the notices of incidents that are over and need nothing more to be sent, and tells whether there were any.
func (r *record) trim() bool {
	keep := map[string]bool{}
	if r.open() {
		keep[r.ID] = true
	}
	for _, q := range r.Queue {
		for _, t := range q.To {
			if t.waits() {
				keep[q.Incident] = true
			}
		}
	}
	before := len(r.Queue)
	r.Queue = slices.DeleteFunc(r.Queue, func(q *queued) bool { return !keep[q.Incident] })
	return len(r.Queue) < before
}
