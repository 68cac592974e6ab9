package parked

import (
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/uidl"
)

// Message is a message that waits, as JSON; docs/json.md documents it.
type Message struct {
	Account     string    `json:"account"`
	UID         string    `json:"uid"`      // as logs have it
	Argument    string    `json:"argument"` // as a shell takes it
	State       string    `json:"state"`    // parked, put_off or given_up
	Octets      int64     `json:"octets"`   // as the server lists it; 0: not known
	Listed      bool      `json:"listed"`   // the last listing had it, and popsync has not deleted it since
	FirstListed time.Time `json:"first_listed,omitzero"`
	From        string    `json:"from,omitempty"`
	Date        string    `json:"date,omitempty"`
	Subject     string    `json:"subject,omitempty"`
	Stuck       []StuckAt `json:"stuck"`
	Reason      string    `json:"reason,omitempty"` // of one that was given up
	key         uidl.Key
	word        string // as people type it
	header      header
	read        bool // header is that of the message
}

// StuckAt is where a message is stuck.
type StuckAt struct {
	At          string    `json:"at"`                    // server: it could not be fetched; or destination
	Destination string    `json:"destination,omitempty"` // its name
	Gone        bool      `json:"gone,omitempty"`        // it is not configured any more
	State       string    `json:"state"`                 // parked or put_off
	Reason      string    `json:"reason,omitempty"`
	Attempts    int       `json:"attempts"`           // failures that count; a refusal for good counts as three
	InDoubt     int       `json:"in_doubt,omitempty"` // attempts of which nobody knows how they ended
	Copy        bool      `json:"copy"`               // a copy of it waits here
	LastTry     time.Time `json:"last_try,omitzero"`  // of a destination
	NextTry     time.Time `json:"next_try,omitzero"`  // zero: it is due now
	DownSince   time.Time `json:"down_since,omitzero"`
	DownReason  string    `json:"down_reason,omitempty"`
}

// The states of a message.
const (
	stateParked  = "parked"
	statePutOff  = "put_off"
	stateGivenUp = "given_up"
)

func messageOf(account, name string, s *uidl.Stuck, known []uidl.Destination, down []health.Outage, now time.Time) Message {
	m := Message{Account: account, UID: uidtext.Log(s.UID), Argument: uidtext.Args(name), State: statePutOff, Octets: s.Size,
		Listed: s.GoneAt == 0 && s.State != uidl.DeleteSent, key: s.Key, word: uidtext.Arg(name), Stuck: []StuckAt{}}
	if s.FirstSeen != uidl.Unstamped {
		m.FirstListed = time.Unix(s.FirstSeen, 0)
	}
	if s.Have.GivenUp() {
		m.State, m.Reason = stateGivenUp, s.Reason
		return m
	}
	if s.Unfetched() {
		at := StuckAt{At: "server", State: statePutOff, Reason: s.Reason, Attempts: s.Attempts, NextTry: operator.DueAt(s.NextTry, now)}
		if s.State == uidl.Parked {
			at.State = stateParked
		}
		m.Stuck = append(m.Stuck, at)
	}
	for _, d := range s.Open {
		if d.Parked() || d.PutOff() {
			m.Stuck = append(m.Stuck, deliveryAt(d, known, down, now))
		}
	}
	if slices.ContainsFunc(m.Stuck, func(at StuckAt) bool { return at.State == stateParked }) {
		m.State = stateParked
	}
	return m
}

func deliveryAt(d uidl.Delivery, known []uidl.Destination, down []health.Outage, now time.Time) StuckAt {
	at := StuckAt{At: "destination", Destination: d.Destination, State: statePutOff, Reason: d.Reason, Attempts: d.Attempts, InDoubt: d.InDoubt,
		Copy: d.Ticket != "", LastTry: time.Unix(d.At, 0), NextTry: operator.DueAt(d.NextTry, now)}
	if d.Parked() {
		at.State = stateParked
	}
	for _, k := range known {
		at.Gone = at.Gone || k.Name == d.Destination && (k.Role == uidl.NotConfigured || k.Role == uidl.WasOptional)
	}
	for _, o := range down {
		if o.Destination != d.Destination {
			continue
		}
		at.DownSince, at.DownReason = o.Since, o.Verdict.Message
		if next := operator.DueAt(o.NextTry.Unix(), now); next.After(at.NextTry) {
			at.NextTry = next
		}
	}
	return at
}

// json is the message with its header.
func (m Message) json() Message {
	m.From, m.Date, m.Subject = m.header.from, m.header.date, m.header.subject
	return m
}
