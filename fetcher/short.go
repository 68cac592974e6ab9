package fetcher

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A message that comes shorter than listed is whole, or was cut: by a server in trouble, by a disk, by a line with a dot. Only
// time tells. It is read by itself, again on another connection, again after an hour; then it is delivered, and once more on
// another day; until then it is not deleted. If a longer one comes, that one is delivered too.

// shortReading is what was read of such a message; stored with the account.
type shortReading struct {
	UID    []byte `json:"uid"`
	Dup    int    `json:"dup,omitempty"`
	Size   int64  `json:"size"`                // as listed
	Octets int64  `json:"octets"`              // as read last
	Header string `json:"header"`              // of that: its fingerprint
	Read   int    `json:"read"`                // readings that agree
	All    int    `json:"all"`                 // readings
	Begun  int64  `json:"begun"`               // of all readings, the first (Unix seconds)
	First  int64  `json:"first"`               // of those that agree, the first
	Next   int64  `json:"next"`                // not read before
	Done   bool   `json:"delivered,omitempty"` // and only looked at once more
	Again  bool   `json:"again,omitempty"`     // a longer one was delivered too
	Flight bool   `json:"flight,omitempty"`    // it was first seen in a flight
}

const (
	mostShort   = 500 // messages that are watched at once; others wait for a day
	sameSlack   = 512 // octets by which readings of one message may differ: servers add lines
	shortSoon   = time.Hour
	shortDay    = 20 * time.Hour // apart enough to be another day
	shortPeace  = 72 * time.Hour // what never reads the same is delivered after that
	shortMany   = 6              // and so many readings
	fewSuspects = 5              // sessions for one each, where LIST n cannot tell whether a message was cut
)

func (e *shortReading) key() uidl.Key { return uidl.Key{UID: string(e.UID), Dup: e.Dup} }

// pause is the longest time until it is read again: longer and longer once it was read four times.
func (e *shortReading) pause() time.Duration { return shortDay << min(max(e.All-4, 0), 5) }

func (w *wireFacts) short(k uidl.Key) *shortReading {
	for i := range w.Short {
		if w.Short[i].key() == k {
			return &w.Short[i]
		}
	}
	return nil
}

func (w *wireFacts) forget(k uidl.Key) {
	w.Short = slices.DeleteFunc(w.Short, func(e shortReading) bool { return e.key() == k })
}

// watched are the messages that came short: whether they were delivered.
func (w *wireFacts) watched() map[uidl.Key]bool {
	if len(w.Short) == 0 {
		return nil
	}
	all := make(map[uidl.Key]bool, len(w.Short))
	for _, e := range w.Short {
		all[e.key()] = e.Done
	}
	return all
}

// shortKey is what a message that came short goes by: without a unique-id, by its content.
func shortKey(o *reply) uidl.Key {
	if o.f.Nameless {
		return uidl.Key{UID: plan.ContentName + hex.EncodeToString(o.m.msg.SHA256[:])}
	}
	return o.f.Key
}

// readShort weighs a message that came short, in step and by itself. It returns true if it counts as whole now.
func (r *reader) readShort(o *reply) bool {
	w := &r.facts.Wire
	now, key := time.Unix(r.confirmed, 0), shortKey(o)
	header := hex.EncodeToString(o.m.msg.Fingerprint[:])
	e := w.short(key)
	if e == nil {
		if len(w.Short) >= mostShort {
			r.postpone(o.f)
			return false
		}
		w.Short = append(w.Short, shortReading{UID: []byte(key.UID), Dup: key.Dup, Size: o.f.Size, Begun: now.Unix()})
		e = &w.Short[len(w.Short)-1]
	}
	alike := e.Header == header // and servers that make new boundaries or add lines at each reading change the rest
	same := e.Read > 0 && alike && max(e.Octets-o.is.octets, o.is.octets-e.Octets) <= sameSlack
	longer := !alike && o.m.strong || o.is.octets > e.Octets+sameSlack
	if !same {
		e.Read, e.First = 0, now.Unix()
	}
	e.Read, e.All, e.Octets, e.Header = e.Read+1, e.All+1, o.is.octets, header
	return r.judgeShort(o, e, same, longer, now)
}

// watch has a message looked at on another day that was delivered with another length than listed: it is not shorter, but where
// a size says so little, it may be cut all the same. false: it need not be, or as many as can be watched are.
func (r *reader) watch(o *reply) bool {
	f, w := o.f, &r.facts.Wire
	if f.Size == 0 || f.Compare && f.Reason != plan.ReasonShort || f.Moved || f.Nameless || r.a.IgnoreSizes || r.a.RetrHides || w.Sizes.None || len(w.Short) >= mostShort {
		return false
	}
	w.Short = append(w.Short, shortReading{UID: []byte(f.Key.UID), Dup: f.Key.Dup, Size: f.Size, Octets: o.is.octets,
		Header: hex.EncodeToString(o.m.msg.Fingerprint[:]), Read: 1, All: 1, Begun: r.confirmed, First: r.confirmed,
		Next: r.confirmed + int64(shortDay/time.Second), Done: true})
	return true
}

// postpone leaves a message alone for a day: as many as can be watched are.
func (r *reader) postpone(f *plan.FetchStep) {
	if f.Compare || f.Nameless {
		return
	}
	row := f.RowOrNew()
	next := r.now().Add(shortDay).Unix()
	r.later(func(c *uidl.Change) {
		c.At = r.now().Unix()
		if row.State == 0 {
			row.State, row.FirstSeen, row.NextTry = uidl.Parked, r.stamp(), next
			c.Put = append(c.Put, uidl.Message{Row: row, Reason: plan.ReasonShort})
			return
		}
		c.Mark = append(c.Mark, uidl.Mark{Key: row.Key, State: uidl.Parked, Size: row.Size, Attempts: row.Attempts, NextTry: next, Reason: plan.ReasonShort})
	})
	r.count(func(rep *Report) { rep.Parked++ })
}

// judgeShort decides what becomes of a reading, and when the next is due.
func (r *reader) judgeShort(o *reply, e *shortReading, same, longer bool, now time.Time) bool {
	w, key := &r.facts.Wire, shortKey(o)
	since := now.Sub(time.Unix(e.First, 0))
	after := func(d time.Duration) { e.Next = now.Add(d).Unix() }
	if e.Done {
		if same && since >= shortDay {
			w.Sizes.lied(o.is, now.Unix())
			w.forget(key)
			return o.f.Nameless // which is compared each time
		}
		after(e.pause())
		longer = longer && !e.Again
		e.Again = e.Again || longer
		return longer
	}
	enough := e.Read >= 3 && since >= shortSoon
	switch {
	case r.expires: // QUIT deletes what was retrieved
		enough = e.Read >= 2 && since >= shortDay
	case r.a.RetrHides:
		enough = e.Read >= 2 && since >= shortSoon
	}
	if enough || e.All >= shortMany && now.Sub(time.Unix(e.Begun, 0)) >= shortPeace {
		e.Done = true
		e.Next = max(e.First+int64(shortDay/time.Second), now.Unix())
		if r.a.RetrHides {
			w.forget(key) // it is not listed any more then
		}
		return true
	}
	switch {
	case e.All == 1 && !r.a.RetrHides:
		e.Next = now.Unix() // on another connection, in the same pass
	case since < shortSoon:
		e.Next = e.First + int64(shortSoon/time.Second)
	default:
		after(e.pause())
	}
	return false
}

// noteShort tells of messages that wait because they came short.
func (p *pass) noteShort() {
	n, since := 0, int64(0)
	for _, e := range p.facts.Wire.Short {
		if !e.Done {
			n++
			if since == 0 || e.Begun < since {
				since = e.Begun
			}
		}
	}
	if n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text := "1 message comes shorter than the server lists it, since " + words.Stamp(since)
	if n > 1 {
		text = fmt.Sprintf("%d messages come shorter than the server lists them, since %s", n, words.Stamp(since))
	}
	p.worst = append(p.worst, verdict.Verdict{
		Class: verdict.Temporary, Message: text,
		Hint: "nothing is lost: they stay on the server and are read again, first after an hour, and are delivered when they come the same again",
	})
}
