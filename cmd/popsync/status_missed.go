package main

import (
	"time"

	"github.com/popsync/popsync/fetcher"
)

// missed is mail that left the server before a destination had it, as JSON.
type missed struct {
	Destination string    `json:"destination"`
	Messages    int       `json:"messages"`
	Last        time.Time `json:"last"` // when the last of them was given up
}

func (st *accountStatus) miss(s fetcher.State, now time.Time) {
	for _, m := range s.Missed(now) {
		st.Missed = append(st.Missed, missed(m))
		st.missedWords = append(st.missedWords, m.Words())
	}
	for _, w := range s.Without(now) {
		st.Without = append(st.Without, missed(w))
		st.missedWords = append(st.missedWords, w.Words())
	}
}
