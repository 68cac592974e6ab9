package fetcher

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/uidl"
)

// A message that comes shorter than listed is whole, or was cut: by a server in trouble, by a disk, by a line with a dot. Only
// time tells. It is read by itself, again on another connection, again after an hour; then it is delivered, and once more on
// another day; until then it is not deleted. If a longer one comes, that one is delivered too.

// shortReading is what was read of such a message; stored with the account.
type shortReading struct {
	UID    string `json:"uid"`
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
	mostShort   = 200 // messages that are watched at once; others wait for their turn
	sameSlack   = 512 // octets by which readings of one message may differ: servers add lines
	shortSoon   = time.Hour
	shortDay    = 20 * time.Hour // apart enough to be another day
	shortPeace  = 72 * time.Hour // what never reads the same is delivered after that
	shortMany   = 6              // and so many readings
	fewSuspects = 5              // sessions for one each, where LIST n cannot tell whether a message was cut
	reasonShort = "came shorter than it was listed; it is read again before it counts as whole"
	reasonStump = "not deleted yet: it came shorter than it was listed, and is looked at once more on another day"
)

func (w *wireFacts) short(k uidl.Key) *shortReading {
	for i := range w.Short {
		if w.Short[i].UID == k.UID && w.Short[i].Dup == k.Dup {
			return &w.Short[i]
		}
	}
	return nil
}

func (w *wireFacts) forget(k uidl.Key) {
	w.Short = slices.DeleteFunc(w.Short, func(e shortReading) bool { return e.UID == k.UID && e.Dup == k.Dup })
}

// watched are the messages that came short: whether they were delivered.
func (w *wireFacts) watched() map[uidl.Key]bool {
	if len(w.Short) == 0 {
		return nil
	}
	all := make(map[uidl.Key]bool, len(w.Short))
	for _, e := range w.Short {
		all[uidl.Key{UID: e.UID, Dup: e.Dup}] = e.Done
	}
	return all
}

// setAside keeps a message for a session in which nothing else can be mistaken for it. One without a unique-id cannot be told
// from others before it is read.
func (p *pass) setAside(f *fetchStep) {
	w := &p.facts.Wire
	if f.nameless || w.short(f.key) == nil && len(w.Short) >= mostShort {
		p.alone = true
		return
	}
	if w.short(f.key) == nil {
		w.Short = append(w.Short, shortReading{UID: f.key.UID, Dup: f.key.Dup, Size: f.size, Begun: p.confirmed, First: p.confirmed, Flight: !p.alone && !p.suspecting && p.ahead})
	}
}

// stood notes that what had another size than listed in a flight is as long as listed by itself: step was lost there.
func (r *reader) stood(o *reply, e *shortReading) {
	if r.stepLost || !o.exact || !(e != nil && e.Flight && e.All == 0 || r.strange[o.f.key]) {
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
	failed := s.failedBefore()
	if len(w.Short)+failed == 0 && !s.suspecting {
		return
	}
	now := s.confirmed
	for i := range w.Short { // noted by a clock that was wrong
		e := &w.Short[i]
		if e.First > now {
			e.First, e.Begun, e.Next = now, min(e.Begun, now), min(e.Next, now+int64(shortSoon/time.Second))
		}
	}
	var own []fetchStep
	suspect := func(f *fetchStep) bool {
		e := w.short(f.key)
		if e != nil && e.Size != f.size {
			w.forget(f.key) // another message, or another size
			e = nil
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
	if complete {
		w.Short = slices.DeleteFunc(w.Short, func(e shortReading) bool {
			if strings.HasPrefix(e.UID, contentName) { // whether it is listed, only reading tells
				return now-e.Begun > int64(mostApart/time.Second)
			}
			return !s.plan.watched[uidl.Key{UID: e.UID, Dup: e.Dup}]
		})
	}
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

// shortKey is what a message that came short goes by: without a unique-id, by its content.
func shortKey(o *reply) uidl.Key {
	if o.f.nameless {
		return uidl.Key{UID: contentName + hex.EncodeToString(o.m.msg.SHA256[:])}
	}
	return o.f.key
}

// readShort weighs a message that came short, in step and by itself. It returns true if it counts as whole now.
func (r *reader) readShort(o *reply) bool {
	w := &r.facts.Wire
	now, key := time.Unix(r.confirmed, 0), shortKey(o)
	header := hex.EncodeToString(o.m.msg.Fingerprint[:])
	e := w.short(key)
	if e == nil {
		if len(w.Short) >= mostShort {
			return false
		}
		w.Short = append(w.Short, shortReading{UID: key.UID, Dup: key.Dup, Size: o.f.size, Begun: now.Unix()})
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

// judgeShort decides what becomes of a reading, and when the next is due.
func (r *reader) judgeShort(o *reply, e *shortReading, same, longer bool, now time.Time) bool {
	w, key := &r.facts.Wire, shortKey(o)
	since := now.Sub(time.Unix(e.First, 0))
	after := func(d time.Duration) { e.Next = now.Add(d).Unix() }
	if e.Done {
		if same && since >= shortDay {
			w.Sizes.lied(o.is, now.Unix())
			w.forget(key)
			return o.f.nameless // which is compared each time
		}
		after(shortDay << min(max(e.All-4, 0), 5))
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
		after(shortDay)
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
	text := "1 message comes shorter than the server lists it, since " + stamp(since)
	if n > 1 {
		text = fmt.Sprintf("%d messages come shorter than the server lists them, since %s", n, stamp(since))
	}
	p.worst = append(p.worst, Verdict{
		Class: Temporary, Message: text,
		Hint: "nothing is lost: they stay on the server and are read again, first after an hour, and are delivered when they come the same again",
	})
}
