package fetcher

import (
	"errors"
	"slices"
	"testing"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
)

// refuses has a server answer RETR of a message with a text.
func (r *rig) refuses(num, text string) {
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == num {
				return &pop3test.Reply{Raw: []byte("-ERR " + text + "\r\n")}
			}
			return nil
		}
	})
}

// Another client deletes a message between the listing and its RETR: nothing failed, and the next listing tells.
func TestExpungedBeforeRETR(t *testing.T) {
	for _, text := range []string{"message 3 expunged", "no such message", "[SYS/PERM] Message 3 is already deleted", "There's no message 3."} {
		for _, pipelining := range []bool{true, false} {
			box := mailbox(5)
			r := newRig(t, box...)
			r.acc.Server.NoPipelining = !pipelining
			r.refuses("3", text)
			rep := r.ok()
			if rep.New != 4 || rep.Failed != 0 {
				t.Errorf("%s: %+v", text, rep)
			}
			wantReason(t, rep, "gone")
			left := append(slices.Clone(box[:2]), box[3:]...)
			r.server.AddUser("u", "p", left...)
			r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
			if rep := r.ok(); rep.Failed+rep.Parked != 0 || rep.Kept != 4 || rep.Reasons[desk.ReasonVanished] != 0 {
				t.Errorf("%s: it is gone: %+v", text, rep)
			}
			r.wantMail(left...)
		}
	}
}

// What is listed again is asked for again, and fetched when the server has it after all.
func TestExpungedAndListedAgain(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.refuses("3", "message 3 expunged")
	r.ok()
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 1 || rep.Kept != 5 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// A server that lists a message for ever and says for ever that it is gone: from the second time on that is a failure, and
// the message is parked like any other.
func TestExpungedForEver(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.refuses("3", "message 3 expunged")
	r.ok()
	for i := range 3 {
		rep := r.run()
		if rep.Failed != 1 || rep.Verdict.Class != verdict.Temporary || (rep.NewlyParked == 1) != (i == 2) {
			t.Errorf("%d: %+v", i, rep)
		}
		wantReason(t, rep, "and lists it")
	}
	if rep := r.ok(); rep.Parked != 1 {
		t.Errorf("%+v", rep)
	}
}

// The same of a message that is only read again to be compared, and has no place to be charged: told the second time.
func TestExpungedWhileCompared(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
	r.ok()
	r.server.AddUser("u", "p", append(slices.Clone(box[:2]), box[3:]...)...)
	r.ok()
	r.server.AddUser("u", "p", box...) // it is back: known, and compared by its content
	r.refuses("3", "message 3 expunged")
	if rep := r.ok(); rep.Failed != 0 || rep.Reasons[desk.ReasonVanished] != 1 {
		t.Errorf("%+v", rep)
	}
	if rep := r.run(); rep.Failed != 1 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("told of it twice: %+v", rep)
	}
	r.wantMail(box...)
}

// What is to be deleted and is gone already needs no DELE; a server that says so and lists it for ever is told of.
func TestExpungedBeforeDELE(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.ok()
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	num := "3"
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "DELE" && arg == num {
				return &pop3test.Reply{Raw: []byte("-ERR message " + num + " already deleted\r\n")}
			}
			return nil
		}
	})
	if rep := r.ok(); rep.Deleted != 4 || rep.Failed != 0 || rep.Reasons[desk.ReasonVanished] != 1 {
		t.Errorf("%+v", rep)
	}
	num = "1"
	if rep := r.run(); rep.Failed != 1 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("it is listed still: %+v", rep)
	}
	r.wantMail(box...)
}

// Only what a server says of a message counts, and no code that names another reason.
func TestSaysGone(t *testing.T) {
	for _, tt := range []struct {
		err  error
		gone bool
	}{
		{&pop3.LoginError{Err: &pop3.ResponseError{Gone: true}}, true},
		{&pop3.ResponseError{Text: "message 31 expunged"}, false},
		{&pop3.ResponseError{Code: "SYS/TEMP", Gone: true}, true},
		{&pop3.ResponseError{Code: "IN-USE", Gone: true}, false},
		{&pop3.ResponseError{Code: "LOGIN-DELAY", Gone: true}, false},
		{errors.New("message 31 expunged"), false},
		{nil, false},
	} {
		if got := verdict.SaysGone(tt.err); got != tt.gone {
			t.Errorf("%+v: %v", tt.err, got)
		}
	}
}
