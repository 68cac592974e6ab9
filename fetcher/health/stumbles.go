package health

import (
	"maps"
	"slices"
	"time"

	"github.com/popsync/popsync/uidl"
)

// A step about known mail (TOP, DELE, or RETR to compare) may break the session, and then the same happens in every pass: new
// mail would never come. So it is charged to its message. One that broke two sessions is left alone for longer and longer. Where
// three messages in a row fail in one step, and none in between goes well, it is not their fault but the server's: the step
// rests.

// Stumbles is what an account remembers of such steps; stored with its facts.
type Stumbles struct {
	Marks []StumbleMark         `json:"marks,omitempty"`
	Steps map[string]*StepState `json:"steps,omitempty"` // by verb
	// Turn is what the next pass is for, where a pass has one session only; Load is pass.load then.
	Turn Purpose `json:"turn,omitempty"`
	Load []int   `json:"load,omitempty"`
}

// StumbleMark is a message that broke sessions. One without a unique-id goes by its place.
type StumbleMark struct {
	UID   []byte `json:"uid"`
	Dup   int    `json:"dup,omitempty"`
	Step  string `json:"step"`           // the verb; stepQuit: it was deleted in vain
	Times int    `json:"times"`          // sessions that it broke, or deletions in vain; 0: what was charged to it was the server's fault
	Since int64  `json:"since"`          // the first of them (Unix seconds)
	Next  int64  `json:"next,omitempty"` // left alone until then (Unix seconds)
	Text  string `json:"text"`           // what happened last; printable
}

// StepState is how a step goes, whatever the message.
type StepState struct {
	Row   [][]byte `json:"row,omitempty"`   // unique-ids of the messages that failed since it last went well
	Times int      `json:"times,omitempty"` // how often it was put to rest since then
	Since int64    `json:"since,omitempty"` // when first (Unix seconds)
	At    int64    `json:"at"`              // when it last failed (Unix seconds)
	Until int64    `json:"until,omitempty"` // it rests until then (Unix seconds)
}

const (
	MostStumbles     = 3   // sessions of a pass that may end by steps about known mail
	mostMarks        = 200 // messages that are remembered; of more, the oldest mark goes
	stepRow          = 3   // messages in a row that show that it is the server
	stepForgotten    = 3 * 24 * time.Hour
	longestLeftAlone = 8 * 24 * time.Hour
)

// LeftAloneFor is how long a message is left alone after it broke its n-th session: after the first, until the next pass.
func LeftAloneFor(n int) time.Duration {
	switch {
	case n < 2:
		return 0
	case n == 2:
		return time.Hour
	case n == 3:
		return 6 * time.Hour
	}
	return min(24*time.Hour<<min(n-4, 10), longestLeftAlone)
}

// restFor is how long a step rests for the n-th time.
func restFor(n int) time.Duration {
	switch n {
	case 1:
		return time.Hour
	case 2:
		return 6 * time.Hour
	}
	return 24 * time.Hour
}

// Key is the ledger key of the message.
func (m *StumbleMark) Key() uidl.Key { return uidl.Key{UID: string(m.UID), Dup: m.Dup} }

// Alone tells whether it is left alone at that time. One more ahead than any is comes of a wrong clock.
func (m *StumbleMark) Alone(now time.Time) bool {
	left := time.Unix(m.Next, 0).Sub(now)
	return left > 0 && left <= longestLeftAlone
}

// Mark is what is remembered of a message that broke a session; nil: nothing.
func (t *Stumbles) Mark(k uidl.Key) *StumbleMark {
	for i := range t.Marks {
		if t.Marks[i].Key() == k {
			return &t.Marks[i]
		}
	}
	return nil
}

// MarkOf is the mark of one of the messages that share a unique-id: the one that is left alone the longest.
func (t *Stumbles) MarkOf(uid string) (m *StumbleMark) {
	for i := range t.Marks {
		if o := &t.Marks[i]; string(o.UID) == uid && (m == nil || o.Next > m.Next) {
			m = o
		}
	}
	return m
}

// Rests is the state of a step that rests; nil: it does not.
func (t *Stumbles) Rests(step string, now time.Time) *StepState {
	s := t.Steps[step]
	if s == nil {
		return nil
	}
	if left := time.Unix(s.Until, 0).Sub(now); left <= 0 || left > 24*time.Hour {
		return nil
	}
	return s
}

// Blame enters that a message broke a session in a step.
func (t *Stumbles) Blame(k uidl.Key, step, text string, now time.Time) {
	m := t.Mark(k)
	if m == nil {
		if len(t.Marks) >= mostMarks {
			t.Marks = slices.Delete(t.Marks, 0, 1)
		}
		t.Marks = append(t.Marks, StumbleMark{UID: []byte(k.UID), Dup: k.Dup, Since: now.Unix()})
		m = &t.Marks[len(t.Marks)-1]
	}
	m.Step, m.Text = step, text
	m.Times++
	m.Next = now.Add(LeftAloneFor(m.Times)).Unix()
}

// Charge is blame, and tells whether the step rests from now on: it is not clear whether the message is to blame, or the server.
func (t *Stumbles) Charge(k uidl.Key, step, text string, now time.Time) (rests bool) {
	t.Blame(k, step, text, now)
	if t.Steps == nil {
		t.Steps = map[string]*StepState{}
	}
	s := t.Steps[step]
	if s == nil {
		s = &StepState{}
		t.Steps[step] = s
	}
	s.At = now.Unix()
	if !slices.ContainsFunc(s.Row, func(uid []byte) bool { return string(uid) == k.UID }) && len(s.Row) < stepRow {
		s.Row = append(s.Row, []byte(k.UID))
	}
	if len(s.Row) < stepRow {
		return false
	}
	for i := range t.Marks { // tried after the others when the step is tried again, and no more
		if o := &t.Marks[i]; o.Step == step && slices.ContainsFunc(s.Row, func(uid []byte) bool { return string(uid) == string(o.UID) }) {
			o.Times, o.Next = 0, 0
		}
	}
	if s.Times++; s.Since == 0 {
		s.Since = now.Unix()
	}
	s.Until = now.Add(restFor(s.Times)).Unix()
	return true
}

// Well enters that a step went well with a message.
func (t *Stumbles) Well(k uidl.Key, step string) {
	delete(t.Steps, step)
	if m := t.Mark(k); m != nil && m.Step == step {
		t.Forget(k)
	}
}

// Forget drops what is remembered of a message.
func (t *Stumbles) Forget(k uidl.Key) {
	t.Marks = slices.DeleteFunc(t.Marks, func(m StumbleMark) bool { return m.Key() == k })
}

// current forgets the steps that there was no need of for so long that nobody knows how they go.
func (t *Stumbles) current(now time.Time) {
	maps.DeleteFunc(t.Steps, func(_ string, s *StepState) bool {
		if s == nil {
			return true
		}
		age := now.Sub(time.Unix(max(s.At, s.Until), 0))
		return age > stepForgotten || -age > farthestTry // noted by a wrong clock
	})
}

// Breaks tells whether anything is known to break sessions, as opposed to being in vain.
func (t *Stumbles) Breaks() bool {
	for step := range t.Steps {
		if step != StepQuit {
			return true
		}
	}
	return t.Turn != Everything || slices.ContainsFunc(t.Marks, func(m StumbleMark) bool { return m.Step != StepQuit })
}

// None tells that nothing is remembered, and that it is nobody's turn.
func (t *Stumbles) None() bool { return len(t.Marks) == 0 && len(t.Steps) == 0 && t.Turn == Everything }
