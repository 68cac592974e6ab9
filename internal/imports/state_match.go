package imports

import (
	"iter"
	"strings"
)

// asWritten is how a tool writes a unique-id of a server into its file. Different ones may look the same there.
func asWritten(tool Tool, uid string) string {
	switch tool {
	case Getmail:
		return strings.ReplaceAll(uid, "/", "-")
	case Fetchmail, Thunderbird: // as far as the first blank
		if i := strings.IndexAny(uid, " \t\v\f\r"); i >= 0 {
			return uid[:i]
		}
	}
	return uid
}

// Overlap is what a file remembers, beside what a server lists. Counts are of messages.
type Overlap struct {
	Remembered int // by the file
	Listed     int // by the server, with a unique-id
	Common     int // of those remembered: listed
	Ambiguous  int // of those listed: remembered perhaps, but the tool writes another one's unique-id in the same way

	tool Tool
	at   map[string]int32 // number of what is remembered, by how the tool writes it
	hits []int32          // how many listed ones each of them may be
}

// Overlap compares what is remembered with the unique-ids that a server lists.
func (s *State) Overlap(tool Tool, listed iter.Seq[string]) *Overlap {
	o := &Overlap{tool: tool, at: make(map[string]int32, len(s.IDs))}
	for _, id := range s.IDs {
		text := asWritten(tool, id.Text)
		if _, twice := o.at[text]; twice {
			continue
		}
		o.at[text] = int32(o.Remembered)
		if or := asWritten(tool, id.Or); or != "" {
			if _, other := o.at[or]; !other {
				o.at[or] = int32(o.Remembered)
			}
		}
		o.Remembered++
	}
	o.hits = make([]int32, o.Remembered)
	for uid := range listed {
		o.Listed++
		if i, ok := o.at[asWritten(tool, uid)]; ok {
			o.hits[i]++
		}
	}
	for _, n := range o.hits {
		if n > 0 {
			o.Common++
		}
		if n > 1 {
			o.Ambiguous += int(n)
		}
	}
	return o
}

// Known tells whether the file remembers the message with this unique-id, of those that the server lists, and no other one with it.
func (o *Overlap) Known(uid string) bool {
	i, ok := o.at[asWritten(o.tool, uid)]
	return ok && o.hits[i] == 1
}
