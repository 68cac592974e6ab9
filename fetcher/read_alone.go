package fetcher

import (
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// Shorts deals with messages that come shorter than they are listed, or failed before: what is to be read by itself.
type Shorts struct {
	desk     *Desk
	on       *Session // the one at hand
	runs     int      // how many sessions there were for such messages
	suspects int      // messages that such a session has to read now
	waiting  int      // messages that came short and are not read again yet
	ahead    bool     // commands were sent ahead when messages were asked for
	stepLost bool     // it was found out that step was lost
}

// setAside keeps a message for a session in which nothing else can be mistaken for it. One without a unique-id cannot be told
// from others before it is read.
func (x *Shorts) setAside(f *plan.FetchStep) {
	w := &x.desk.Health.Wire
	if f.Nameless || w.Reading(f.Key) == nil && len(w.Short) >= health.MostShort {
		x.desk.alone = true
		return
	}
	if w.Reading(f.Key) == nil {
		w.Short = append(w.Short, health.ShortReading{UID: []byte(f.Key.UID), Dup: f.Key.Dup, Size: f.Size, Begun: x.desk.confirmed, First: x.desk.confirmed, Flight: !x.desk.alone && !x.desk.turns.Suspecting && x.ahead})
	}
}

// stood notes that what had another size than listed in a flight is as long as listed by itself: step was lost there.
func (x *Shorts) stood(o *reply, e *health.ShortReading) {
	if x.stepLost || !o.exact || e == nil || !e.Flight || e.All > 0 {
		return
	}
	x.stepLost = true
	now := x.desk.now()
	x.desk.Health.NoPipeliningUntil = now.Add(x.desk.Health.Wire.LostStep(now, health.LeastApart)).Unix()
}

// sift leaves in the plan what this session is for: what is read by itself is not mixed with other mail.
func (x *Shorts) sift(complete bool) {
	w := &x.desk.Health.Wire
	x.suspects, x.waiting = 0, 0
	if x.desk.turns.Purpose == health.KnownMail || x.desk.turns.Purpose == health.OldTrouble {
		x.on.plan.Kept += len(x.on.plan.Stumps)
		return
	}
	failed := x.failedBefore()
	if len(w.Short)+failed == 0 && !x.desk.turns.Suspecting {
		return
	}
	now := x.desk.confirmed
	for i := range w.Short { // noted by a clock that was wrong
		e := &w.Short[i]
		if e.First > now {
			e.First, e.Begun = now, min(e.Begun, now)
		}
		e.Next = min(e.Next, now+int64(e.Pause()/time.Second))
	}
	var own []plan.FetchStep
	met := map[uidl.Key]bool{}
	suspect := func(f *plan.FetchStep) bool {
		met[f.Key] = true
		e := w.Reading(f.Key)
		switch {
		case e == nil || e.Size == f.Size:
		case e.Done: // the next reading tells whether it is another message
			e.Size = f.Size
		default:
			w.Forget(f.Key) // another message, or another size
			e = nil
		}
		if e != nil && e.Done && !f.Compare { // its delivery failed
			e.Done, e.Next = false, now
		}
		if e == nil && (failed == 0 || f.Row.Attempts == 0) {
			return false
		}
		if e != nil && e.Next > now {
			x.waiting++
		} else {
			own = append(own, *f)
		}
		return true
	}
	x.on.plan.Fetch = slices.DeleteFunc(x.on.plan.Fetch, func(f plan.FetchStep) bool { return suspect(&f) })
	for _, k := range x.on.plan.Stumps {
		f := plan.FetchStep{Entry: k.Entry, Row: plan.OwnRow(k.Row), Reason: plan.ReasonShort, Compare: true}
		suspect(&f)
	}
	x.on.plan.Kept += len(x.on.plan.Stumps)
	w.Short = slices.DeleteFunc(w.Short, func(e health.ShortReading) bool {
		k := e.Key()
		switch {
		case strings.HasPrefix(k.UID, plan.ContentName): // whether it is listed, only reading tells
			return now-e.Begun > int64(health.MostApart/time.Second)
		case x.on.plan.Watched[k]: // it came whole meanwhile, or is not to be fetched, unless it was only left alone in this session
			return !e.Done && !met[k] && !x.on.partial
		}
		// One listing may have hidden it; what was delivered keeps its note for as long as it may come back unlooked at.
		return complete && (!e.Done || now-e.Begun > int64(health.ShortPeace/time.Second))
	})
	x.suspects = len(own)
	switch {
	case x.desk.turns.Suspecting:
		x.on.plan.Fetch = own
	case x.suspects > 0 && x.desk.Health.Apart() > 0 && !x.desk.Options.DryRun: // there is no other session for them
		x.on.plan.Fetch = append(x.on.plan.Fetch, own...)
		x.desk.turns.Suspecting = true
		x.on.c.Alone(true)
	default:
		x.on.plan.Pending += x.suspects
	}
	x.on.plan.Pending += x.waiting
	x.on.plan.Sort()
}

// failedBefore counts the messages that are to be read by themselves because they failed before: one that breaks the session
// would take back what the session deletes. Many are rather a destination's fault; where logins must lie apart, there is no
// session to spare.
func (x *Shorts) failedBefore() (n int) {
	if x.desk.Account.NeverDelete || x.desk.Account.Policy.Delete == plan.DeleteNever || x.desk.Health.Apart() > 0 || x.desk.Options.DryRun {
		return 0
	}
	for i := range x.on.plan.Fetch {
		n += b2i(x.on.plan.Fetch[i].Row.Attempts > 0)
	}
	if n > health.MostShort {
		return 0
	}
	return n
}

// suspectsNext tells whether a session for messages that came short is to follow now.
func (x *Shorts) suspectsNext() bool {
	most := 3
	if x.desk.Health.Wire.Scan < 0 {
		most = health.FewSuspects
	}
	due := !x.desk.turns.Suspecting && x.suspects > 0
	for _, e := range x.desk.Health.Wire.Short {
		due = due || e.Next <= x.desk.confirmed
	}
	if !due || x.desk.turns.Suspecting && x.suspects == 0 || x.runs >= most || x.desk.Options.DryRun {
		return false
	}
	x.runs++
	x.desk.turns.Suspecting = true
	return true
}
