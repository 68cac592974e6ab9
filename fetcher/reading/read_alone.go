package reading

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Shorts deals with messages that come shorter than they are listed, or failed before: what is to be read by itself.
type Shorts struct {
	Desk     *desk.Desk
	On       *desk.Session // the one at hand
	runs     int           // how many sessions there were for such messages
	suspects int           // messages that such a session has to read now
	waiting  int           // messages that came short and are not read again yet
	ahead    bool          // commands were sent ahead when messages were asked for
	stepLost bool          // it was found out that step was lost
}

// setAside keeps a message for a session in which nothing else can be mistaken for it. One without a unique-id cannot be told
// from others before it is read.
func (x *Shorts) setAside(f *plan.FetchStep) {
	w := &x.Desk.Health.Wire
	if f.Nameless || w.Reading(f.Key) == nil && len(w.Short) >= health.MostShort {
		x.Desk.Alone = true
		return
	}
	if w.Reading(f.Key) == nil {
		w.Short = append(w.Short, health.ShortReading{UID: []byte(f.Key.UID), Dup: f.Key.Dup, Size: f.Size, Begun: x.Desk.Confirmed, First: x.Desk.Confirmed, Flight: !x.Desk.Alone && !x.Desk.Turns.Suspecting && x.ahead})
	}
}

// stood notes that what had another size than listed in a flight is as long as listed by itself: step was lost there.
func (x *Shorts) stood(o *reply, e *health.ShortReading) {
	if x.stepLost || !o.exact || e == nil || !e.Flight || e.All > 0 {
		return
	}
	x.stepLost = true
	now := x.Desk.Now()
	x.Desk.Health.NoPipeliningUntil = now.Add(x.Desk.Health.Wire.LostStep(now, health.LeastApart)).Unix()
}

// Sift leaves in the plan what this session is for: what is read by itself is not mixed with other mail.
func (x *Shorts) Sift(complete bool) {
	w := &x.Desk.Health.Wire
	x.suspects, x.waiting = 0, 0
	if x.Desk.Turns.Purpose == health.KnownMail || x.Desk.Turns.Purpose == health.OldTrouble {
		x.On.Plan.Kept += len(x.On.Plan.Stumps)
		return
	}
	failed := x.failedBefore()
	if len(w.Short)+failed == 0 && !x.Desk.Turns.Suspecting {
		return
	}
	now := x.Desk.Confirmed
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
	x.On.Plan.Fetch = slices.DeleteFunc(x.On.Plan.Fetch, func(f plan.FetchStep) bool { return suspect(&f) })
	for _, k := range x.On.Plan.Stumps {
		f := plan.FetchStep{Entry: k.Entry, Row: plan.OwnRow(k.Row), Reason: plan.WhyOf(plan.ReasonShort), Compare: true}
		suspect(&f)
	}
	x.On.Plan.Kept += len(x.On.Plan.Stumps)
	w.Short = slices.DeleteFunc(w.Short, func(e health.ShortReading) bool {
		k := e.Key()
		switch {
		case strings.HasPrefix(k.UID, plan.ContentName): // whether it is listed, only reading tells
			return now-e.Begun > int64(health.MostApart/time.Second)
		case x.On.Plan.Watched[k]: // it came whole meanwhile, or is not to be fetched, unless it was only left alone in this session
			return !e.Done && !met[k] && !x.On.Partial
		}
		// One listing may have hidden it; what was delivered keeps its note for as long as it may come back unlooked at.
		return complete && (!e.Done || now-e.Begun > int64(health.ShortPeace/time.Second))
	})
	x.suspects = len(own)
	switch {
	case x.Desk.Turns.Suspecting:
		x.On.Plan.Fetch = own
	case x.suspects > 0 && x.Desk.Health.Apart() > 0 && !x.Desk.Options.DryRun: // there is no other session for them
		x.On.Plan.Fetch = append(x.On.Plan.Fetch, own...)
		x.Desk.Turns.Suspecting = true
		x.On.C.Alone(true)
	default:
		x.On.Plan.Pending += x.suspects
	}
	x.On.Plan.Pending += x.waiting
	x.On.Plan.Sort()
}

// failedBefore counts the messages that are to be read by themselves because they failed before: one that breaks the session
// would take back what the session deletes. Many are rather a destination's fault; where logins must lie apart, there is no
// session to spare.
func (x *Shorts) failedBefore() (n int) {
	if x.Desk.Account.NeverDelete || x.Desk.Account.Policy.Delete == plan.DeleteNever || x.Desk.Health.Apart() > 0 || x.Desk.Options.DryRun {
		return 0
	}
	for i := range x.On.Plan.Fetch {
		n += desk.Count(x.On.Plan.Fetch[i].Row.Attempts > 0)
	}
	if n > health.MostShort {
		return 0
	}
	return n
}

// SuspectsNext tells whether a session for messages that came short is to follow now.
func (x *Shorts) SuspectsNext() bool {
	most := 3
	if x.Desk.Health.Wire.Scan < 0 {
		most = health.FewSuspects
	}
	due := !x.Desk.Turns.Suspecting && x.suspects > 0
	for _, e := range x.Desk.Health.Wire.Short {
		due = due || e.Next <= x.Desk.Confirmed
	}
	if !due || x.Desk.Turns.Suspecting && x.suspects == 0 || x.runs >= most || x.Desk.Options.DryRun {
		return false
	}
	x.runs++
	x.Desk.Turns.Suspecting = true
	return true
}

// ReadsAlone tells that after an error the server is to be asked in another way at once: what was not proven is fetched again.
func (x *Shorts) ReadsAlone(err error) bool {
	switch {
	case errors.Is(err, health.ErrNoScan):
		return true
	case errors.Is(err, ErrShort) && x.Desk.Turns.Suspecting:
		return x.SuspectsNext()
	case errors.Is(err, ErrShort):
		x.Desk.CutFlights++
		x.Desk.Alone = x.Desk.Alone || x.Desk.CutFlights > 1
		return x.Desk.CutFlights <= desk.MostCut
	case x.Desk.Alone, !errors.Is(err, ErrUnproven) && !verdict.LostStep(err) && !(verdict.Endless(err) && x.ahead):
		return false
	case errors.Is(err, ErrUnproven) && x.Desk.Health.Apart() > 0: // the next pass goes on, and would begin in the same way
		x.Desk.Health.NoPipeliningUntil = max(x.Desk.Health.NoPipeliningUntil, x.Desk.Now().Add(health.LeastApart).Unix())
	}
	x.Desk.Alone = true
	return true
}
