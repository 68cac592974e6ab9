package status

import (
	"time"

	"github.com/popsync/popsync/fetcher/health"
)

// Missed is mail that left the server before a destination had it, as JSON.
type Missed struct {
	Destination string    `json:"destination"`
	Messages    int       `json:"messages"`
	Last        time.Time `json:"last"` // when the last of them was given up
}

// Diverted is a message that a destination refused for good, and that the fallback has, as JSON.
type Diverted struct {
	UID         string    `json:"uid"`
	Destination string    `json:"destination"`
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`
}

// mostWorded is how many of them are told in words.
const mostWorded = 5

func (st *Account) miss(s health.State, now time.Time) {
	st.LeftOut = s.LeftOut(now)
	for _, m := range s.Missed(now) {
		st.Missed = append(st.Missed, Missed(m))
		st.missedWords = append(st.missedWords, m.Words())
	}
	for _, w := range s.Without(now) {
		st.Without = append(st.Without, Missed(w))
		st.missedWords = append(st.missedWords, w.Words())
	}
	all := s.Diverted(now)
	for i, d := range all {
		st.Diverted = append(st.Diverted, Diverted{d.UID, d.Destination, d.Reason, time.Unix(d.At, 0)})
		if len(all)-i <= mostWorded {
			st.missedWords = append(st.missedWords, d.Words())
		}
	}
}
