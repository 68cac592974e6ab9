package health

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/words"
)

// LeftAlone is a known message that broke the connection when something was to be done about it, or that was deleted in vain: see
// stumbles.go and undeleted.go.
type LeftAlone struct {
	UID   string // as logs have it, printable ASCII; "": it has none
	Word  string // as people type it: see foreign.Word; "": it has none
	Step  string // DELE, TOP or RETR; QUIT: it was deleted in vain
	Times int    // connections that it broke, or deletions
	Since time.Time
	Until time.Time // zero: it is tried again in the next pass
	Text  string    // what happened last; printable ASCII
}

// Resting is a step that broke the connection whatever the message was, or was in vain, and is not taken for a while.
type Resting struct {
	Step  string // DELE, TOP or RETR; QUIT: what the server says to delete stays
	Since time.Time
	Until time.Time
}

// leftAlone are the messages that broke connections, those left alone the longest first.
func (t *Stumbles) leftAlone(now time.Time) (all []LeftAlone) {
	for i := range t.Marks {
		m := &t.Marks[i]
		if m.Times == 0 {
			continue // it was the server
		}
		l := LeftAlone{Step: m.Step, Times: m.Times, Since: time.Unix(m.Since, 0), Text: m.Text}
		if uid := string(m.UID); !strings.HasPrefix(uid, PlaceName) {
			l.UID, l.Word = words.Quote(uid), foreign.Word(uid)
		}
		if m.Alone(now) {
			l.Until = time.Unix(m.Next, 0)
		}
		all = append(all, l)
	}
	slices.SortStableFunc(all, func(a, b LeftAlone) int { return b.Until.Compare(a.Until) })
	return all
}

func (t *Stumbles) resting(now time.Time) (all []Resting) {
	for _, step := range slices.Sorted(maps.Keys(t.Steps)) {
		if s := t.Rests(step, now); s != nil {
			all = append(all, Resting{Step: step, Since: time.Unix(s.Since, 0), Until: time.Unix(s.Until, 0)})
		}
	}
	return all
}

// lines tell people, for Learned.
func (t *Stumbles) lines(now time.Time) (lines []string) {
	for _, r := range t.resting(now) {
		lines = append(lines, r.Words())
	}
	all := t.leftAlone(now)
	for _, l := range all[:min(len(all), 3)] {
		lines = append(lines, l.Words())
	}
	if n := len(all) - 3; n > 0 {
		lines = append(lines, "and "+words.Number(n, "more such message"))
	}
	return lines
}

// Words tell people about it.
func (l LeftAlone) Words() string {
	name := "a message"
	if l.Word != "" {
		name = "message " + l.Word
	}
	until := "it is tried again in the next pass"
	if !l.Until.IsZero() {
		until = "it is left alone until " + words.Stamp(l.Until.Unix())
	}
	times := "once"
	if l.Times > 1 {
		times = fmt.Sprintf("%d times", l.Times)
	}
	if l.Step == StepQuit {
		return fmt.Sprintf("%s is listed still although the server said %s that it is deleted, first %s; %s", name, times, words.Stamp(l.Since.Unix()), until)
	}
	return fmt.Sprintf("%s broke the connection %s, first %s, last with: %s; %s", name, times, words.Stamp(l.Since.Unix()), l.Text, until)
}

// Words tell people about it.
func (r Resting) Words() string {
	if r.Step == StepQuit {
		return fmt.Sprintf("the server says that it deletes messages, and lists them still, since %s: %s until %s", words.Stamp(r.Since.Unix()),
			stepRests[r.Step], words.Stamp(r.Until.Unix()))
	}
	return fmt.Sprintf("%s breaks the connection whatever the message is, since %s: %s until %s", r.Step, words.Stamp(r.Since.Unix()),
		stepRests[r.Step], words.Stamp(r.Until.Unix()))
}
