package fetcher

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// A server may answer DELE and QUIT with +OK and list the messages all the same: some of them, all of them, for minutes or for
// ever. To delete them again in every pass is of no use to anybody, and to report them as deleted each time is not true. So it is
// remembered what the server has answered for; what it lists an hour later, recognised as the same message, is left alone for longer
// and longer, or, if nothing that was asked for at that time or later went away, the step rests: see stumbles.go.

// stepQuit is the step that makes deletions count (RFC 1939, section 6), among the verbs of stumbles.
const stepQuit = "QUIT"

const (
	lateDelete = time.Hour // a server may take so long to carry out what it has answered for
	mostAsked  = 100       // messages that are watched at once: they stand for the others
)

// undeleted is what the server has said to delete, as far as it is watched; stored with the account's facts.
type undeleted struct {
	Asked []askedFor `json:"asked,omitempty"`
	// Worked is when those that are gone by now were asked for, the last of them (Unix seconds).
	Worked int64 `json:"worked,omitempty"`
}

// askedFor is a message that the server has said to delete.
type askedFor struct {
	UID  []byte `json:"uid"`
	Dup  int    `json:"dup,omitempty"`
	At   int64  `json:"at"`             // when first, or, after it was found out to be in vain, when last (Unix seconds)
	Vain bool   `json:"vain,omitempty"` // it was listed an hour later
}

func (a *askedFor) key() uidl.Key { return uidl.Key{UID: string(a.UID), Dup: a.Dup} }

func (u *undeleted) find(k uidl.Key) *askedFor {
	for i := range u.Asked {
		if a := &u.Asked[i]; string(a.UID) == k.UID && a.Dup == k.Dup {
			return a
		}
	}
	return nil
}

// current forgets what there was no need of for long, and what a wrong clock noted.
func (u *undeleted) current(now time.Time) {
	wrong := func(at int64) bool { return time.Unix(at, 0).Sub(now) > farthestTry }
	u.Asked = slices.DeleteFunc(u.Asked, func(a askedFor) bool {
		return wrong(a.At) || now.Sub(time.Unix(a.At, 0)) > 2*longestLeftAlone
	})
	if wrong(u.Worked) {
		u.Worked = 0
	}
}

// heeded looks what of that has left the listing. Then deleting works.
func (s *session) heeded(complete bool) {
	u := &s.facts.Undeleted
	if len(u.Asked) == 0 || !complete {
		return
	}
	want, listed := map[uidl.Key]bool{}, map[uidl.Key]bool{}
	for i := range u.Asked {
		want[u.Asked[i].key()] = true
	}
	for _, k := range s.numbersOf(want) {
		listed[k] = true
	}
	before := len(u.Asked)
	u.Asked = slices.DeleteFunc(u.Asked, func(a askedFor) bool {
		if listed[a.key()] {
			return false
		}
		u.Worked = max(u.Worked, a.At)
		if m := s.facts.Stumbles.mark(a.key()); m != nil && m.Step == stepQuit {
			s.facts.Stumbles.forget(a.key())
		}
		return true
	})
	if len(u.Asked) < before {
		delete(s.facts.Stumbles.Steps, stepQuit)
	}
}

// inVain looks at messages that were recognised as those that the server has said to delete, before it is told so once more.
func (s *session) inVain(again []uidl.Key) {
	u, now := &s.facts.Undeleted, s.now()
	told := s.facts.Stumbles.Steps[stepQuit] != nil && s.facts.Stumbles.Steps[stepQuit].Times > 0
	own, rests := 0, false
	for _, k := range again {
		a := u.find(k)
		if a == nil || a.Vain || now.Sub(time.Unix(a.At, 0)) < lateDelete {
			continue
		}
		a.Vain = true
		switch {
		case rests:
		case s.chargeKept(a, now):
			rests = true
		default:
			own++
		}
	}
	switch {
	case rests && !told:
		s.tellKept(restText(stepQuit, s.facts.Stumbles.Steps[stepQuit].Until))
	case !rests && own == 1:
		s.tellKept("1 message is listed still although the server said that it is deleted: it is left alone for longer and longer")
	case !rests && own > 1:
		s.tellKept(fmt.Sprintf("%d messages are listed still although the server said that they are deleted: they are left alone for longer and longer", own))
	}
}

// leftInVain tells whether a message is left alone because it was deleted in vain.
func (s *session) leftInVain(k uidl.Key) bool {
	m := s.facts.Stumbles.mark(k)
	return m != nil && m.Step == stepQuit && m.alone(s.now())
}

// tellKept tells it once: in the log, and with the pass.
func (s *session) tellKept(text string) {
	s.log.Warn("not deleted by the server", zap.String("note", text))
	s.mention(text)
}

// chargeKept charges a message that the server keeps, and tells whether the step rests from now on. Where others that were asked
// for no sooner are gone, it is the message's own.
func (s *session) chargeKept(a *askedFor, now time.Time) (rests bool) {
	t, k := &s.facts.Stumbles, a.key()
	const text = "the server said that it is deleted, and lists it"
	if a.At <= s.facts.Undeleted.Worked {
		t.blame(k, stepQuit, text, now)
	} else {
		rests = t.charge(k, stepQuit, text, now)
	}
	if m := t.mark(k); m != nil && m.Times > 0 {
		m.Next = now.Add(leftAloneFor(m.Times + 1)).Unix()
	}
	return rests
}

// answered notes which messages the server has said to delete, now that QUIT was answered with +OK.
// What was in vain before is taken for that again until a listing lacks it, so that each wait is followed by one try.
func (s *session) answered() {
	u, now := &s.facts.Undeleted, s.now()
	rests := false
	for _, k := range s.told {
		switch a := u.find(k); {
		case strings.HasPrefix(k.UID, plan.ContentName): // no listing shows it by that name
		case a == nil:
			if len(u.Asked) < mostAsked {
				u.Asked = append(u.Asked, askedFor{UID: []byte(k.UID), Dup: k.Dup, At: now.Unix()})
			}
		case !s.twice[k]: // it is another message, under a unique-id that was given before
			a.At, a.Vain = now.Unix(), false
		case a.Vain:
			rests = rests || s.chargeKept(a, now)
			a.At = now.Unix()
		}
	}
}

// claims tells whether a message that the server says to delete counts as deleted now: not if it said so before. Of more than are
// watched nobody knows; but if all of those are listed still, so were the others.
func (s *session) claims(k uidl.Key) bool {
	u := &s.facts.Undeleted
	return !s.twice[k] || u.find(k) == nil && len(u.Asked) < mostAsked
}

// redo notes that a message is to be deleted that was before.
func (s *session) redo(k uidl.Key) {
	if s.twice == nil {
		s.twice = map[uidl.Key]bool{}
	}
	s.twice[k], s.redone = true, true
}
