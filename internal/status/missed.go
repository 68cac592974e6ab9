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
}
