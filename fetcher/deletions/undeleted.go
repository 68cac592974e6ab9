package deletions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// A server may answer DELE and QUIT with +OK and list the messages all the same: some of them, all of them, for minutes or for
// ever. To delete them again in every pass is of no use to anybody, and to report them as deleted each time is not true. So it is
// remembered what the server has answered for; what it lists an hour later, recognised as the same message, is left alone for longer
// and longer, or, if nothing that was asked for at that time or later went away, the step rests: see fetcher/steps.

// Heeded looks what of that has left the listing. Then deleting works.
func (d *Deleter) Heeded(complete bool) {
	u := &d.Desk.Health.Undeleted
	if len(u.Asked) == 0 || !complete {
		return
	}
	want, listed := map[uidl.Key]bool{}, map[uidl.Key]bool{}
	for i := range u.Asked {
		want[u.Asked[i].Key()] = true
	}
	for _, k := range d.On.NumbersOf(want) {
		listed[k] = true
	}
	before := len(u.Asked)
	u.Asked = slices.DeleteFunc(u.Asked, func(a health.AskedFor) bool {
		if listed[a.Key()] {
			return false
		}
		u.Worked = max(u.Worked, a.At)
		if m := d.Desk.Health.Stumbles.Mark(a.Key()); m != nil && m.Step == health.StepQuit {
			d.Desk.Health.Stumbles.Forget(a.Key())
		}
		return true
	})
	if len(u.Asked) < before {
		delete(d.Desk.Health.Stumbles.Steps, health.StepQuit)
	}
}

// inVain looks at messages that were recognised as those that the server has said to delete, before it is told so once more.
func (d *Deleter) inVain(again []uidl.Key) {
	u, now := &d.Desk.Health.Undeleted, d.Desk.Now()
	told := d.Desk.Health.Stumbles.Steps[health.StepQuit] != nil && d.Desk.Health.Stumbles.Steps[health.StepQuit].Times > 0
	own, rests := 0, false
	for _, k := range again {
		a := u.Find(k)
		if a == nil || a.Vain || now.Sub(time.Unix(a.At, 0)) < health.LateDelete {
			continue
		}
		a.Vain = true
		switch {
		case rests:
		case d.chargeKept(a, now):
			rests = true
		default:
			own++
		}
	}
	switch {
	case rests && !told:
		d.tellKept(health.RestText(health.StepQuit, d.Desk.Health.Stumbles.Steps[health.StepQuit].Until))
	case !rests && own == 1:
		d.tellKept("1 message is listed still although the server said that it is deleted: it is left alone for longer and longer")
	case !rests && own > 1:
		d.tellKept(fmt.Sprintf("%d messages are listed still although the server said that they are deleted: they are left alone for longer and longer", own))
	}
}

// leftInVain tells whether a message is left alone because it was deleted in vain.
func (d *Deleter) leftInVain(k uidl.Key) bool {
	m := d.Desk.Health.Stumbles.Mark(k)
	return m != nil && m.Step == health.StepQuit && m.Alone(d.Desk.Now())
}

// tellKept tells it once: in the log, and with the pass.
func (d *Deleter) tellKept(text string) {
	d.Desk.Log.Warn("not deleted by the server", zap.String("note", text))
	d.Desk.Rec.Mention(text)
}

// chargeKept charges a message that the server keeps, and tells whether the step rests from now on. Where others that were asked
// for no sooner are gone, it is the message's own.
func (d *Deleter) chargeKept(a *health.AskedFor, now time.Time) (rests bool) {
	t, k := &d.Desk.Health.Stumbles, a.Key()
	const text = "the server said that it is deleted, and lists it"
	if a.At <= d.Desk.Health.Undeleted.Worked {
		t.Blame(k, health.StepQuit, text, now)
	} else {
		rests = t.Charge(k, health.StepQuit, text, now)
	}
	if m := t.Mark(k); m != nil && m.Times > 0 {
		m.Next = now.Add(health.LeftAloneFor(m.Times + 1)).Unix()
	}
	return rests
}

// answered notes which messages the server has said to delete, now that QUIT was answered with +OK.
// What was in vain before is taken for that again until a listing lacks it, so that each wait is followed by one try.
func (d *Deleter) answered() {
	u, now := &d.Desk.Health.Undeleted, d.Desk.Now()
	rests := false
	for _, k := range d.told {
		switch a := u.Find(k); {
		case strings.HasPrefix(k.UID, plan.ContentName): // no listing shows it by that name
		case a == nil:
			if len(u.Asked) < health.MostAsked {
				u.Asked = append(u.Asked, health.AskedFor{UID: []byte(k.UID), Dup: k.Dup, At: now.Unix()})
			}
		case !d.On.Twice[k]: // it is another message, under a unique-id that was given before
			a.At, a.Vain = now.Unix(), false
		case a.Vain:
			rests = rests || d.chargeKept(a, now)
			a.At = now.Unix()
		}
	}
}

// claims tells whether a message that the server says to delete counts as deleted now: not if it said so before. Of more than are
// watched nobody knows; but if all of those are listed still, so were the others.
func (d *Deleter) claims(k uidl.Key) bool {
	u := &d.Desk.Health.Undeleted
	return !d.On.Twice[k] || u.Find(k) == nil && len(u.Asked) < health.MostAsked
}
