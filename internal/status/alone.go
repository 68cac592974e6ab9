package status

import (
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/words"
)

// LeftAlone is a known message that broke connections, or was deleted in vain, as JSON.
type LeftAlone struct {
	UID   string    `json:"uid,omitempty"` // none: it has none
	Step  string    `json:"step"`          // DELE, TOP or RETR; QUIT: the server said that it is deleted, and lists it
	Times int       `json:"times"`         // connections that it broke, or deletions in vain
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: it is tried again in the next pass
	Error string    `json:"error"`          // the last one
}

// Resting is a step that broke connections whatever the message was, or was in vain, as JSON.
type Resting struct {
	Step  string    `json:"step"` // DELE, TOP or RETR; QUIT: the server lists what it says to delete
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// mostAlone is how many messages are told of one by one.
const mostAlone = 3

func (st *Account) leaveAlone(s health.State, now time.Time) {
	for _, r := range s.Resting(now) {
		st.Resting = append(st.Resting, Resting(r))
		st.aloneWords = append(st.aloneWords, r.Words())
	}
	all := s.LeftAlone(now)
	for i, l := range all {
		st.LeftAlone = append(st.LeftAlone, LeftAlone{UID: l.UID, Step: l.Step, Times: l.Times, Since: l.Since, Until: l.Until, Error: l.Text})
		if i < mostAlone {
			st.aloneWords = append(st.aloneWords, l.Words())
		}
	}
	if n := len(all) - mostAlone; n > 0 {
		st.aloneWords = append(st.aloneWords, fmt.Sprintf("and %s more like these: popsync status --json has them", words.Number(n, "message")))
	}
}
