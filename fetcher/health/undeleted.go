package health

import (
	"slices"
	"time"

	"github.com/popsync/popsync/uidl"
)

// StepQuit is the step that makes deletions count (RFC 1939, section 6), among the verbs of stumbles.
const StepQuit = "QUIT"

const (
	LateDelete = time.Hour // a server may take so long to carry out what it has answered for
	MostAsked  = 100       // messages that are watched at once: they stand for the others
)

// Undeleted is what the server has said to delete, as far as it is watched; stored with the account's facts.
type Undeleted struct {
	Asked []AskedFor `json:"asked,omitempty"`
	// Worked is when those that are gone by now were asked for, the last of them (Unix seconds).
	Worked int64 `json:"worked,omitempty"`
}

// AskedFor is a message that the server has said to delete.
type AskedFor struct {
	UID  []byte `json:"uid"`
	Dup  int    `json:"dup,omitempty"`
	At   int64  `json:"at"`             // when first, or, after it was found out to be in vain, when last (Unix seconds)
	Vain bool   `json:"vain,omitempty"` // it was listed an hour later
}

// Key is the ledger key of the message.
func (a *AskedFor) Key() uidl.Key { return uidl.Key{UID: string(a.UID), Dup: a.Dup} }

// Find is what is remembered of a message that the server said to delete; nil: nothing.
func (u *Undeleted) Find(k uidl.Key) *AskedFor {
	for i := range u.Asked {
		if a := &u.Asked[i]; string(a.UID) == k.UID && a.Dup == k.Dup {
			return a
		}
	}
	return nil
}

// current forgets what there was no need of for long, and what a wrong clock noted.
func (u *Undeleted) current(now time.Time) {
	wrong := func(at int64) bool { return time.Unix(at, 0).Sub(now) > farthestTry }
	u.Asked = slices.DeleteFunc(u.Asked, func(a AskedFor) bool {
		return wrong(a.At) || now.Sub(time.Unix(a.At, 0)) > 2*longestLeftAlone
	})
	if wrong(u.Worked) {
		u.Worked = 0
	}
}
