package status

import (
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/words"
)

// Short is how many messages came shorter than listed and are watched, as JSON. The times are when the first of them was first
// read.
type Short struct {
	Waiting        int       `json:"waiting"` // not delivered yet
	WaitingSince   time.Time `json:"waiting_since,omitzero"`
	Delivered      int       `json:"delivered"` // and looked at once more before policy may delete them
	DeliveredSince time.Time `json:"delivered_since,omitzero"`
}

func shortOf(s health.Short) *Short {
	if s.Waiting+s.Delivered == 0 {
		return nil
	}
	of := Short(s)
	return &of
}

func (s *Short) waits() bool { return s != nil && s.Waiting > 0 }

// words are the lines about them for people. told: what there is to say of those that wait stands there already.
func (s *Short) words(now time.Time, told bool) (lines []string) {
	if s == nil {
		return nil
	}
	if s.Waiting > 0 && !told {
		lines = append(lines, fmt.Sprintf("%s not delivered yet: shorter than the server lists, and read again first; the oldest came %s",
			words.Number(s.Waiting, "message"), words.Ago(s.WaitingSince, now)))
	}
	if s.Delivered > 0 {
		lines = append(lines, fmt.Sprintf("%s delivered with another length than the server lists, and looked at again on another day before policy may delete it there; the oldest came %s",
			words.Number(s.Delivered, "message"), words.Ago(s.DeliveredSince, now)))
	}
	return lines
}
