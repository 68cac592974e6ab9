package fetcher

import (
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/uidl"
)

// setAside keeps a message for a session in which nothing else can be mistaken for it. One without a unique-id cannot be told
// from others before it is read.
func (p *pass) setAside(f *fetchStep) {
	w := &p.facts.Wire
	if f.nameless || w.short(f.key) == nil && len(w.Short) >= mostShort {
		p.alone = true
		return
	}
	if w.short(f.key) == nil {
		w.Short = append(w.Short, shortReading{UID: []byte(f.key.UID), Dup: f.key.Dup, Size: f.size, Begun: p.confirmed, First: p.confirmed, Flight: !p.alone && !p.suspecting && p.ahead})
	}
}

// stood notes that what had another size than listed in a flight is as long as listed by itself: step was lost there.
func (r *reader) stood(o *reply, e *shortReading) {
	if r.stepLost || !o.exact || e == nil || !e.Flight || e.All > 0 {
		return
	}
	r.stepLost = true
	now := r.now()
	r.facts.NoPipeliningUntil = now.Add(r.facts.Wire.lostStep(now, leastApart)).Unix()
}

// sift leaves in the plan what this session is for: what is read by itself is not mixed with other mail.
func (s *session) sift(complete bool) {
	w := &s.facts.Wire
	s.suspects, s.pass.waiting = 0, 0
	if s.purpose == knownMail || s.purpose == oldTrouble {
		s.plan.kept += len(s.plan.stumps)
		return
	}
	failed := s.failedBefore()
	if len(w.Short)+failed == 0 && !s.suspecting {
		return
	}
	now := s.confirmed
	for i := range w.Short { // noted by a clock that was wrong
		e := &w.Short[i]
		if e.First > now {
			e.First, e.Begun = now, min(e.Begun, now)
		}
		e.Next = min(e.Next, now+int64(e.pause()/time.Second))
	}
	var own []fetchStep
	met := map[uidl.Key]bool{}
	suspect := func(f *fetchStep) bool {
		met[f.key] = true
		e := w.short(f.key)
		switch {
		case e == nil || e.Size == f.size:
		case e.Done: // the next reading tells whether it is another message
			e.Size = f.size
		default:
			w.forget(f.key) // another message, or another size
			e = nil
		}
		if e != nil && e.Done && !f.compare { // its delivery failed
			e.Done, e.Next = false, now
		}
		if e == nil && (failed == 0 || f.row.Attempts == 0) {
			return false
		}
		if e != nil && e.Next > now {
			s.pass.waiting++
		} else {
			own = append(own, *f)
		}
		return true
	}
	s.plan.fetch = slices.DeleteFunc(s.plan.fetch, func(f fetchStep) bool { return suspect(&f) })
	for _, k := range s.plan.stumps {
		f := fetchStep{entry: k.entry, row: known(k.row), reason: reasonShort, compare: true}
		suspect(&f)
	}
	s.plan.kept += len(s.plan.stumps)
	w.Short = slices.DeleteFunc(w.Short, func(e shortReading) bool {
		k := e.key()
		switch {
		case strings.HasPrefix(k.UID, contentName): // whether it is listed, only reading tells
			return now-e.Begun > int64(mostApart/time.Second)
		case s.plan.watched[k]: // it came whole meanwhile, or is not to be fetched, unless it was only left alone in this session
			return !e.Done && !met[k] && !s.partial
		}
		// One listing may have hidden it; what was delivered keeps its note for as long as it may come back unlooked at.
		return complete && (!e.Done || now-e.Begun > int64(shortPeace/time.Second))
	})
	s.suspects = len(own)
	switch {
	case s.suspecting:
		s.plan.fetch = own
	case s.suspects > 0 && s.apart() > 0 && !s.o.DryRun: // there is no other session for them
		s.plan.fetch = append(s.plan.fetch, own...)
		s.suspecting = true
		s.c.Alone(true)
	default:
		s.plan.pending += s.suspects
	}
	s.plan.pending += s.pass.waiting
	s.plan.sort()
}

// failedBefore counts the messages that are to be read by themselves because they failed before: one that breaks the session
// would take back what the session deletes. Many are rather a destination's fault; where logins must lie apart, there is no
// session to spare.
func (s *session) failedBefore() (n int) {
	if s.a.NeverDelete || s.a.Policy.Delete == DeleteNever || s.apart() > 0 || s.o.DryRun {
		return 0
	}
	for i := range s.plan.fetch {
		n += b2i(s.plan.fetch[i].row.Attempts > 0)
	}
	if n > mostShort {
		return 0
	}
	return n
}

// suspectsNext tells whether a session for messages that came short is to follow now.
func (p *pass) suspectsNext() bool {
	most := 3
	if p.facts.Wire.Scan < 0 {
		most = fewSuspects
	}
	due := !p.suspecting && p.suspects > 0
	for _, e := range p.facts.Wire.Short {
		due = due || e.Next <= p.confirmed
	}
	if !due || p.suspecting && p.suspects == 0 || p.runs >= most || p.o.DryRun {
		return false
	}
	p.runs++
	p.suspecting = true
	return true
}
