package smtp

import (
	"sync"
	"time"
)

// How long an accepted list of recipients speaks for later ones, and how many lists are remembered.
const (
	vouchFor = time.Hour
	maxVouch = 128
)

// vouches remembers which lists of recipients the server accepted in full, and for which message last.
type vouches struct {
	mu   sync.Mutex
	last map[string]vouch
}

type vouch struct {
	id string
	at time.Time
}

func (v *vouches) note(to []string, id string, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		v.last = map[string]vouch{}
	}
	v.last[listHash(to)] = vouch{id, now}
	if len(v.last) <= maxVouch {
		return
	}
	oldest, at := "", now
	for k, e := range v.last {
		if e.at.Before(at) {
			oldest, at = k, e.at
		}
	}
	if oldest == "" { // all of the same moment: any will do
		for oldest = range v.last {
			break
		}
	}
	delete(v.last, oldest)
}

// holds tells whether the list was accepted for another message within the hour.
func (v *vouches) holds(to []string, id string, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	e, ok := v.last[listHash(to)]
	return ok && e.id != id && now.Sub(e.at) <= vouchFor
}
