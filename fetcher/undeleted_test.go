package fetcher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// pretender is an account at a server that says +OK to DELE and QUIT and does as it likes.
type pretender struct {
	*rig
	told []string // notes about it
	dele int      // DELEs seen so far
}

func newPretender(t *testing.T, top bool, messages ...pop3test.Message) *pretender {
	r := &pretender{rig: newRig(t, messages...)}
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps, o.NoTOP = true, !top })
	return r
}

// pass makes one after a while, which must go well, and tells how many were deleted and how many DELEs there were.
func (r *pretender) pass(after time.Duration) (deleted, dele int) {
	r.t.Helper()
	r.clock = r.clock.Add(after)
	rep := r.ok()
	for _, note := range rep.Notes {
		if strings.Contains(note, "still") {
			r.told = append(r.told, note)
		}
	}
	before := r.dele
	r.dele = r.server.Stats().Commands["DELE"]
	return rep.Deleted, r.dele - before
}

func (r *pretender) wantPass(what string, after time.Duration, deleted, dele int) {
	r.t.Helper()
	if d, n := r.pass(after); d != deleted || n != dele {
		r.t.Errorf("%s: %d deleted by %d DELEs, want %d and %d", what, d, n, deleted, dele)
	}
}

func (r *pretender) resting() []health.Resting { return health.Standing(r.info()).Resting(r.clock) }
func (r *pretender) leftAlone() []health.LeftAlone {
	return health.Standing(r.info()).LeftAlone(r.clock)
}

// A server that says +OK to DELE and QUIT and deletes nothing is found out after an hour, told once, and then asked seldom; what it
// keeps is claimed to be deleted once. New mail comes all the same. Once it deletes, all is as ever.
func TestServerDeletesNothing(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(5)
		r := newPretender(t, top, box...)
		r.wantPass("first", 0, 5, 5)
		for range 5 {
			r.wantPass("within the hour", 10*time.Minute, 0, 5)
		}
		if len(r.told)+len(r.resting())+len(r.leftAlone()) > 0 {
			t.Errorf("top %v: blamed within an hour: %q", top, r.told)
		}
		r.wantPass("after an hour", 10*time.Minute, 0, 0)
		if len(r.told) != 1 || len(r.resting()) != 1 || r.resting()[0].Step != health.StepQuit || len(r.leftAlone()) != 0 {
			t.Fatalf("top %v: after an hour: %q, %v, %v", top, r.told, r.resting(), r.leftAlone())
		}
		if words := r.resting()[0].Words(); !strings.Contains(words, "nothing is deleted there until") || strings.Contains(words, "breaks") {
			t.Error(words)
		}
		before := r.server.Stats()
		for _, rest := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
			r.wantPass("half of the rest is over", rest/2, 0, 0)
			r.wantPass("the rest is over", rest/2+time.Second, 0, 5)
		}
		if st := r.server.Stats(); top && st.Commands["TOP"]-before.Commands["TOP"] != 4*5 || !top && st.Commands["RETR"]-before.Commands["RETR"] != 4*5 {
			t.Errorf("top %v: known mail was looked at between the tries: %v, %v", top, before.Commands, st.Commands)
		}
		more := message("more", "x")
		r.server.Deliver("u", more)
		r.wantPass("new mail while it rests", time.Hour, 0, 0)
		r.wantMail(append(box, more)...)
		if len(r.told) != 1 {
			t.Errorf("top %v: told more than once: %q", top, r.told)
		}
		r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = false })
		r.wantPass("it deletes by now", 24*time.Hour, 1, 6)
		r.wantPass("and that is seen", time.Minute, 0, 0)
		if len(r.resting())+len(r.leftAlone()) > 0 || len(r.server.Messages("u")) > 0 || health.Decode(r.facts()).Undeleted.Asked != nil {
			t.Errorf("top %v: %v, %v, %d left", top, r.resting(), r.leftAlone(), len(r.server.Messages("u")))
		}
		again := message("again", "x")
		r.server.Deliver("u", again)
		r.wantPass("as ever", time.Minute, 1, 1)
	}
}

// One that keeps some of them is asked again for these seldom, each by itself; all other mail is deleted as ever.
func TestServerDeletesSome(t *testing.T) {
	box := mailbox(8)
	kept := box[2:6]
	r := newPretender(t, true, box...)
	keep := func() {
		have := r.server.Messages("u")
		for _, m := range kept {
			if !slices.ContainsFunc(have, func(h pop3test.Message) bool { return h.UID == m.UID }) {
				r.server.Deliver("u", m)
			}
		}
	}
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = false })
	r.wantPass("first", 0, 8, 8)
	keep()
	r.wantPass("within the hour", 30*time.Minute, 0, 4)
	keep()
	r.wantPass("after an hour", 31*time.Minute, 0, 0)
	if len(r.resting()) != 0 || len(r.leftAlone()) != 4 || len(r.told) != 1 || !strings.HasPrefix(r.told[0], "4 messages") {
		t.Fatalf("%v, %v, %q", r.resting(), r.leftAlone(), r.told)
	}
	if words := r.leftAlone()[0].Words(); !strings.Contains(words, "listed still although the server said once that it is deleted") {
		t.Error(words)
	}
	r.server.Deliver("u", message("more", "x"))
	r.wantPass("new mail", time.Minute, 1, 1)
	r.wantPass("left alone", 50*time.Minute, 0, 0)
	r.wantPass("tried again", 10*time.Minute, 0, 4)
	keep()
	r.wantPass("and left alone for longer", 5*time.Hour, 0, 0)
	r.wantPass("tried again", 2*time.Hour, 0, 4) // and now they go
	r.wantPass("gone", time.Minute, 0, 0)
	if len(r.leftAlone())+len(r.resting()) > 0 || len(r.told) != 1 {
		t.Errorf("%v, %v, %q", r.leftAlone(), r.resting(), r.told)
	}
	r.wantMail(append(box, message("more", "x"))...)
}

// One that deletes within the hour is not blamed, however much mail is on its way out at any time.
func TestServerDeletesLate(t *testing.T) {
	r := newPretender(t, true)
	var all []pop3test.Message
	for pass := range 30 {
		m := message("m"+strings.Repeat("x", pass), "late")
		all = append(all, m)
		gone := max(0, len(all)-5) // each goes 40 minutes after it was deleted
		r.server.AddUser("u", "p", all[gone:]...)
		if deleted, dele := r.pass(10 * time.Minute); deleted != 1 || dele != min(pass+1, 5) {
			t.Errorf("pass %d: %d deleted by %d DELEs", pass, deleted, dele)
		}
	}
	if len(r.told)+len(r.resting())+len(r.leftAlone()) > 0 {
		t.Errorf("%q, %v, %v", r.told, r.resting(), r.leftAlone())
	}
}

// Other messages under the unique-ids of those that were deleted are new mail, and nobody's fault.
func TestServerGivesUIDsAgain(t *testing.T) {
	box := mailbox(5)
	r := newPretender(t, true, box...)
	r.wantPass("first", 0, 5, 5)
	var others []pop3test.Message
	for _, m := range box {
		other := message("other "+m.UID, "another one")
		other.UID = m.UID
		others = append(others, other)
	}
	r.server.AddUser("u", "p", others...)
	r.wantPass("others came", 2*time.Hour, 5, 5)
	r.wantPass("and are deleted late", 30*time.Minute, 0, 5)
	if len(r.told)+len(r.resting())+len(r.leftAlone()) > 0 {
		t.Errorf("%q, %v, %v", r.told, r.resting(), r.leftAlone())
	}
	r.wantMail(append(box, others...)...)
}

// Policy decides as ever: what it keeps is not asked for, and a QUIT without +OK is another matter.
func TestUndeletedByPolicy(t *testing.T) {
	box := mailbox(4)
	r := newPretender(t, true, box...)
	r.acc.Policy.Delete = plan.DeleteNever
	r.wantPass("kept", 0, 0, 0)
	r.wantPass("kept", 2*time.Hour, 0, 0)
	if u := health.Decode(r.facts()).Undeleted; len(u.Asked) > 0 {
		t.Errorf("%+v", u)
	}
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: 24 * time.Hour}
	r.wantPass("too young", 23*time.Hour, 0, 0)
	r.wantPass("of age", 24*time.Hour, 4, 4)
	r.wantPass("an hour later", time.Hour, 0, 0)
	if len(r.resting()) != 1 || len(r.told) != 1 {
		t.Errorf("%v, %q", r.resting(), r.told)
	}
	r.acc.Policy = plan.Policy{}
	r.wantPass("kept again", 2*time.Hour, 0, 0)
	r.wantMail(box...)
}

// What a clock that was ten years ahead has noted keeps nothing from being deleted.
func TestUndeletedByWrongClock(t *testing.T) {
	decade := 10 * 365 * 24 * time.Hour
	now := time.Unix(1_800_000_000, 0)
	f := health.Facts{
		Undeleted: health.Undeleted{Asked: []health.AskedFor{{UID: []byte("a"), At: now.Add(decade).Unix()}, {UID: []byte("b"), At: now.Unix()}}, Worked: now.Add(decade).Unix()},
		Stumbles:  health.Stumbles{Steps: map[string]*health.StepState{"DELE": {Until: now.Add(decade).Unix()}, health.StepQuit: {At: now.Unix(), Until: now.Add(time.Hour).Unix()}}},
		Wire:      health.WireFacts{Scan: -1, ScanAt: now.Add(decade).Unix()},
		Missed:    map[string]health.MissedMail{"a": {N: 1, Last: now.Add(decade).Unix()}, "b": {N: 2, Last: now.Unix()}},
	}
	f.Current(now)
	if u := f.Undeleted; len(u.Asked) != 1 || u.Asked[0].Key() != (uidl.Key{UID: "b"}) || u.Worked != 0 {
		t.Errorf("%+v", u)
	}
	if f.Stumbles.Steps["DELE"] != nil || f.Stumbles.Steps[health.StepQuit] == nil || f.Wire.Scan != 0 || len(f.Missed) != 1 {
		t.Errorf("%+v", f)
	}
}
