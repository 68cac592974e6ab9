package reading

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A message that comes shorter than listed is whole, or was cut: by a server in trouble, by a disk, by a line with a dot. Only
// time tells. It is read by itself, again on another connection, again after an hour; then it is delivered, and once more on
// another day; until then it is not deleted. If a longer one comes, that one is delivered too.

// shortKey is what a message that came short goes by: without a unique-id, by its content.
func shortKey(o *reply) uidl.Key {
	if o.f.Nameless {
		return uidl.Key{UID: plan.ContentName + hex.EncodeToString(o.m.Msg.SHA256[:])}
	}
	return o.f.Key
}

// readShort weighs a message that came short, in step and by itself. It returns true if it counts as whole now.
func (x *Shorts) readShort(o *reply) bool {
	w := &x.Desk.Health.Wire
	now, key := time.Unix(x.Desk.Confirmed, 0), shortKey(o)
	header := hex.EncodeToString(o.m.Msg.Fingerprint[:])
	e := w.Reading(key)
	if e == nil {
		if len(w.Short) >= health.MostShort {
			x.postpone(o.f)
			return false
		}
		w.Short = append(w.Short, health.ShortReading{UID: []byte(key.UID), Dup: key.Dup, Size: o.f.Size, Begun: now.Unix()})
		e = &w.Short[len(w.Short)-1]
	}
	alike := e.Header == header // and servers that make new boundaries or add lines at each reading change the rest
	same := e.Read > 0 && alike && max(e.Octets-o.is.Octets, o.is.Octets-e.Octets) <= health.SameSlack
	longer := !alike && o.m.Strong || o.is.Octets > e.Octets+health.SameSlack
	if !same {
		e.Read, e.First = 0, now.Unix()
	}
	e.Read, e.All, e.Octets, e.Header = e.Read+1, e.All+1, o.is.Octets, header
	return x.judgeShort(o, e, same, longer, now)
}

// watch has a message looked at on another day that was delivered with another length than listed: it is not shorter, but where
// a size says so little, it may be cut all the same. false: it need not be, or as many as can be watched are.
func (x *Shorts) watch(o *reply) bool {
	f, w := o.f, &x.Desk.Health.Wire
	if f.Size == 0 || f.Compare && !f.Reason.Is(plan.ReasonShort) || f.Moved || f.Nameless || x.Desk.Account.IgnoreSizes || x.Desk.Account.RetrHides || w.Sizes.None || len(w.Short) >= health.MostShort {
		return false
	}
	w.Short = append(w.Short, health.ShortReading{UID: []byte(f.Key.UID), Dup: f.Key.Dup, Size: f.Size, Octets: o.is.Octets,
		Header: hex.EncodeToString(o.m.Msg.Fingerprint[:]), Read: 1, All: 1, Begun: x.Desk.Confirmed, First: x.Desk.Confirmed,
		Next: x.Desk.Confirmed + int64(health.ShortDay/time.Second), Done: true})
	return true
}

// postpone leaves a message alone for a day: as many as can be watched are.
func (x *Shorts) postpone(f *plan.FetchStep) {
	if f.Compare || f.Nameless {
		return
	}
	row := f.RowOrNew()
	next := x.Desk.Now().Add(health.ShortDay).Unix()
	x.Desk.Settler.Later(func(c *uidl.Change) {
		c.At = x.Desk.Now().Unix()
		if row.State == 0 {
			row.State, row.FirstSeen, row.NextTry = uidl.Parked, x.Desk.Stamp(), next
			c.Put = append(c.Put, uidl.Message{Row: row, Reason: plan.ReasonShort})
			return
		}
		c.Mark = append(c.Mark, uidl.Mark{Key: row.Key, State: uidl.Parked, Size: row.Size, Attempts: row.Attempts, NextTry: next, Reason: plan.ReasonShort})
	})
	x.Desk.Rec.Count(func(rep *report.Report) { rep.Parked++ })
}

// judgeShort decides what becomes of a reading, and when the next is due.
func (x *Shorts) judgeShort(o *reply, e *health.ShortReading, same, longer bool, now time.Time) bool {
	w, key := &x.Desk.Health.Wire, shortKey(o)
	since := now.Sub(time.Unix(e.First, 0))
	after := func(d time.Duration) { e.Next = now.Add(d).Unix() }
	if e.Done {
		if same && since >= health.ShortDay {
			w.Sizes.Lied(o.is, now.Unix())
			w.Forget(key)
			return o.f.Nameless // which is compared each time
		}
		after(e.Pause())
		longer = longer && !e.Again
		e.Again = e.Again || longer
		return longer
	}
	enough := e.Read >= 3 && since >= health.ShortSoon
	switch {
	case x.Desk.Expires: // QUIT deletes what was retrieved
		enough = e.Read >= 2 && since >= health.ShortDay
	case x.Desk.Account.RetrHides:
		enough = e.Read >= 2 && since >= health.ShortSoon
	}
	if enough || e.All >= health.ShortMany && now.Sub(time.Unix(e.Begun, 0)) >= health.ShortPeace {
		e.Done = true
		e.Next = max(e.First+int64(health.ShortDay/time.Second), now.Unix())
		if x.Desk.Account.RetrHides {
			w.Forget(key) // it is not listed any more then
		}
		return true
	}
	switch {
	case e.All == 1 && !x.Desk.Account.RetrHides:
		e.Next = now.Unix() // on another connection, in the same pass
	case since < health.ShortSoon:
		e.Next = e.First + int64(health.ShortSoon/time.Second)
	default:
		after(e.Pause())
	}
	return false
}

// NoteShort tells of messages that wait because they came short.
func (x *Shorts) NoteShort() {
	n, since := 0, int64(0)
	for _, e := range x.Desk.Health.Wire.Short {
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
	text := "1 message comes shorter than the server lists it, since " + words.Stamp(since)
	if n > 1 {
		text = fmt.Sprintf("%d messages come shorter than the server lists them, since %s", n, words.Stamp(since))
	}
	x.Desk.Rec.Befell(verdict.Verdict{
		Class: verdict.Temporary, Message: text,
		Hint: "nothing is lost: they stay on the server and are read again, first after an hour, and are delivered when they come the same again",
	})
}
