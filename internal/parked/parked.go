// Package parked tells of messages that failed and wait: where, why, and when the next try is; and of those that were given up.
// As JSON for programs, as text for people, who know them by what their headers say.
//
// Commands call it. It reads what they give it and changes nothing. Only whoever wants the headers that no copy has lets it ask a
// server: see Account.Fetch.
package parked

import (
	"io"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Account is what waits in one account.
type Account struct {
	Name     string
	Messages []Message
	Waits    string // why nothing is tried for now, for people; ""
	Unread   string // why no headers were got; ""
}

// In is what waits in an account, by its rows and its summary. open opens the copy of a message that waits for a destination, by
// the destination's identity and the ticket; headers come from there.
func In(name string, rows []uidl.Stuck, sum uidl.Summary, open func(identity, ticket string) (io.ReadCloser, error), now time.Time) Account {
	p := Account{Name: name}
	standing := health.Standing(sum)
	for i := range rows {
		s := &rows[i]
		if s.Have.GivenUp() && s.GoneAt != 0 {
			continue // nothing is left of it
		}
		m := messageOf(name, uidtext.Name(rows, s.Key), s, sum.Destinations, standing.Down, now)
		m.header, m.read = copiedHeader(sum.Destinations, s.Open, open)
		p.Messages = append(p.Messages, m)
	}
	switch {
	case !standing.Paused.IsZero():
		p.Waits = "Paused, until you say: popsync resume " + name
	case !standing.Stopped.IsZero():
		p.Waits = "Its login was refused, and is not tried again: " + standing.Refusal
	case !standing.Due(now).IsZero():
		p.Waits = "Nothing is fetched before " + words.Stamp(standing.Due(now).Unix()) + after(": ", standing.Hold)
	}
	return p
}

// copiedHeader reads the header of a message from a copy that waits here. ok is false where there is none.
func copiedHeader(known []uidl.Destination, waits []uidl.Delivery, open func(identity, ticket string) (io.ReadCloser, error)) (h header, ok bool) {
	identity := map[string]string{}
	for _, d := range known {
		identity[d.Name] = d.Identity
	}
	for _, d := range waits {
		if d.Ticket == "" {
			continue
		}
		body, err := open(identity[d.Destination], d.Ticket)
		if err != nil {
			continue
		}
		h = readHeader(body)
		body.Close()
		return h, true
	}
	return header{}, false
}

// Headerless are the messages that the server lists and no copy has told the header of.
func (p *Account) Headerless() (keys []uidl.Key) {
	for i := range p.Messages {
		if m := &p.Messages[i]; !m.read && m.Listed {
			keys = append(keys, m.key)
		}
	}
	return keys
}

// Read takes the header of a message from its beginning, as the server gave it.
func (p *Account) Read(k uidl.Key, r io.Reader) {
	for i := range p.Messages {
		if m := &p.Messages[i]; m.key == k {
			m.header, m.read = readHeader(r), true
			return
		}
	}
}

// WriteJSON prints one object for each message.
func (p *Account) WriteJSON(w io.Writer) error {
	for i := range p.Messages {
		if err := screen.WriteJSON(w, p.Messages[i].json()); err != nil {
			return err
		}
	}
	return nil
}
