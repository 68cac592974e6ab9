package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// trickle writes to a session for ever, or until it is over.
type trickle struct {
	text  string
	pause time.Duration // 0: as fast as it goes
}

var trickles = map[string]trickle{
	"an octet each 3 s":    {"x", 3 * time.Second},
	"40 octets each s":     {strings.Repeat("x", 40), time.Second},
	"a line each 5 s":      {"+OK x\r\n", 5 * time.Second},
	"many short lines":     {strings.Repeat("+OK x\r\n", 1000), 0},
	"one line without end": {strings.Repeat("x", 8000), 0},
	"silence":              {"", time.Minute},
}

// on answers one command, of those that are meant, with what begins it and then the trickle.
func (k trickle) on(verb, arg, before string) func(*pop3test.Session, string, string) *pop3test.Reply {
	return func(s *pop3test.Session, v, a string) *pop3test.Reply {
		if v != verb || arg != "" && s.UID(numberOf(a)) != arg {
			return nil
		}
		text := before
		for {
			if _, err := s.Conn().Write([]byte(text)); err != nil {
				return &pop3test.Reply{Close: true}
			}
			text = k.text
			select {
			case <-time.After(k.pause):
			case <-hangsUp(s):
				return &pop3test.Reply{Close: true}
			}
		}
	}
}

// hangsUp is closed when the client has hung up; what it sends meanwhile is lost.
func hangsUp(s *pop3test.Session) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		defer close(over)
		for b := make([]byte, 512); ; {
			if _, err := s.Conn().Read(b); err != nil {
				return
			}
		}
	}()
	return over
}

func numberOf(arg string) (n int) {
	_, _ = fmt.Sscan(arg, &n) // 0 is nobody's
	return n
}

// inBubble makes a rig's server and ledger anew inside a bubble, with its clock.
func (r *rig) inBubble(t *testing.T, box []pop3test.Message, f func()) {
	r.ledger.Close()
	r.server.Close()
	synctest.Test(t, func(t *testing.T) {
		r.server = pop3test.NewServer(pop3test.Options{})
		defer r.server.Close()
		r.server.AddUser("u", "p", box...)
		r.open()
		defer r.ledger.Close()
		r.acc.Server.Dial = r.server.Dial
		begin, clock := time.Now(), r.clock
		r.opt.Now = func() time.Time { return clock.Add(time.Since(begin)) }
		f()
	})
}

// sized is a mailbox of messages that are all of another size.
func sized(n int) (box []pop3test.Message) {
	for i := range n {
		box = append(box, message(fmt.Sprintf("uid%05d", i), strings.Repeat("line\r\n", 10*i)))
	}
	return box
}

// Whatever a server sends in whatever phase, each pass ends within hours, tells that it failed, and mail that is not to
// blame comes.
func TestEveryPassEnds(t *testing.T) {
	for name, c := range map[string]struct {
		verb, uid, before string
		due               bool // the mail was delivered before, and is to be deleted now
		fine              bool // replies of one line may be honest
	}{
		"CAPA":           {verb: "CAPA", before: "+OK\r\n", fine: true}, // it is done without
		"AUTH":           {verb: "AUTH", fine: true},                    // where the replies make no sense, likewise
		"UIDL":           {verb: "UIDL"},
		"UIDL's lines":   {verb: "UIDL", before: "+OK\r\n1 uid00000\r\n"},
		"LIST's lines":   {verb: "LIST", before: "+OK\r\n1 100\r\n"},
		"TOP's header":   {verb: "TOP", before: "+OK\r\nSubject: ", due: true},
		"RETR":           {verb: "RETR", uid: "uid00002"},
		"RETR's header":  {verb: "RETR", uid: "uid00002", before: "+OK\r\nSubject: "},
		"RETR's body":    {verb: "RETR", uid: "uid00002", before: "+OK\r\nSubject: a\r\n\r\nb\r\n"},
		"beyond":         {verb: "RETR", uid: "uid00002", before: "+OK\r\n" + string(sized(3)[2].Data) + strings.Repeat("more\r\n", 200)},
		"DELE":           {verb: "DELE", due: true, fine: true},
		"QUIT":           {verb: "QUIT", due: true, fine: true},
		"RETR of a pass": {verb: "RETR", uid: "uid00000", before: "+OK\r\nSubject: a\r\n\r\nb\r\n"},
	} {
		for how, k := range trickles {
			if sampledOut(name+"/"+how, 8) {
				continue
			}
			t.Run(name+"/"+how, func(t *testing.T) {
				box := sized(5)
				r := newRig(t, box...)
				r.inBubble(t, box, func() {
					r.acc.Server.NoPipelining = true
					if c.due {
						r.ok()
						r.acc.Policy.Delete = plan.DeleteAfterDelivery
					}
					r.server.Change(func(o *pop3test.Options) { o.OnCommand = k.on(c.verb, c.uid, c.before) })
					told := 0
					for pass := range 5 {
						start := time.Now()
						rep := r.run()
						if took := time.Since(start); took > 4*time.Hour {
							t.Errorf("pass %d took %v", pass, took)
						}
						told += desk.Count(rep.Verdict.Class != verdict.OK)
					}
					least := 3
					if c.due {
						least = 1 // then what breaks sessions is left alone
					}
					if told < least && !c.fine {
						t.Errorf("%d passes of 5 failed", told)
					}
				})
				if c.verb == "CAPA" {
					r.wantMail(box...)
				}
				if c.verb == "RETR" {
					others := slices.DeleteFunc(slices.Clone(box), func(m pop3test.Message) bool { return m.UID == c.uid })
					r.wantMail(others...)
				}
			})
		}
	}
}

// In a flight, too: the message without end is asked for by itself, and charged alone. The same where it is too large anyway.
func TestEndlessInAFlight(t *testing.T) {
	for _, most := range []int64{0, 20_000} {
		t.Run(fmt.Sprint(most), func(t *testing.T) { endlessInAFlight(t, most) })
	}
}

func endlessInAFlight(t *testing.T, most int64) {
	box := sized(30)
	r := newRig(t, box...)
	r.acc.Policy.MaxSize = most
	k := trickles["one line without end"]
	r.server.Change(func(o *pop3test.Options) {
		o.OnReply = func(s *pop3test.Session, verb, arg string, reply []byte) pop3test.Reply {
			if verb == "RETR" && s.UID(numberOf(arg)) == "uid00010" {
				return pop3test.Reply{Raw: []byte("+OK\r\n" + strings.Repeat(k.text, (65<<20)/len(k.text))), Close: true}
			}
			return pop3test.Reply{Raw: reply}
		}
	})
	rep := r.run()
	if rep.Failed != 1 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	for range 2 {
		if rep := r.run(); rep.Failed > 1 || rep.New > 20 {
			t.Errorf("%+v", rep)
		}
	}
	if rep := r.ok(); rep.Parked != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(append(slices.Clone(box[:10]), box[11:]...)...)
}

// A slow and honest line brings all, one message after the other, however often passes have to end.
func TestSlowAndHonest(t *testing.T) {
	const lines = 730 // of 2 KB, one each second: twelve minutes
	box := sized(10)
	for i := range box {
		box[i].Data = []byte("Message-ID: <" + box[i].UID + ">\r\n\r\n" + strings.Repeat(strings.Repeat("x", 2046)+"\r\n", lines+i))
	}
	slow := func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
		m, ok := s.Message(numberOf(arg))
		if verb != "RETR" || !ok {
			return nil
		}
		over := hangsUp(s)
		text := "+OK\r\n" + string(m.Data)
		for len(text) > 0 {
			n := min(len(text), 2048)
			if _, err := s.Conn().Write([]byte(text[:n])); err != nil {
				return &pop3test.Reply{Close: true}
			}
			text = text[n:]
			select {
			case <-time.After(time.Second):
			case <-over:
				return &pop3test.Reply{Close: true}
			}
		}
		return &pop3test.Reply{Raw: []byte(".\r\n"), Close: true} // hangsUp has read what came since
	}
	r := newRig(t, box...)
	r.inBubble(t, box, func() {
		r.acc.Server.NoPipelining = true
		r.acc.Server.Window.Commands = 1
		r.opt.PassTime = time.Hour
		r.server.Change(func(o *pop3test.Options) { o.OnCommand = slow })
		passes, brought := 0, 0
		for ; brought < len(box) && passes < 6; passes++ {
			start := time.Now()
			rep := r.run()
			brought += rep.New
			if rep.Verdict.Class != verdict.OK || rep.New == 0 || rep.PassTime != (brought < len(box)) || rep.PassTime && len(rep.Notes) == 0 {
				t.Errorf("%+v", rep)
			}
			if took := time.Since(start); took > time.Hour+10*time.Second {
				t.Errorf("a pass took %v", took)
			}
		}
		// With no time for one message, nothing comes, and that is told and charged.
		r.opt.PassTime = 5 * time.Minute
		late := box[0]
		late.UID = "late"
		r.server.Deliver("u", late)
		rep := r.run()
		if rep.Verdict.Class != verdict.Temporary || !rep.PassTime || rep.Failed != 1 || !strings.Contains(rep.Err.Error(), "brought nothing") {
			t.Errorf("%+v", rep)
		}
	})
	r.wantMail(box...)
}

// yielding is a cause as schedule gives it.
type yielding struct{}

func (yielding) Error() string { return "others wait" }
func (yielding) Yield() bool   { return true }

// A pass that has to make room for others has not failed, and what it had stays.
func TestMakesRoom(t *testing.T) {
	box := sized(6)
	r := newRig(t, box...)
	r.acc.Server.NoPipelining = true
	r.opt.BatchMessages = 1
	ctx, cancel := context.WithCancelCause(t.Context())
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && s.UID(numberOf(arg)) == "uid00003" {
				cancel(yielding{})
				<-hangsUp(s)
			}
			return nil
		}
	})
	a := r.acc
	a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
	rep := Run(ctx, r.ledger, a, r.opt)
	sums, err := r.ledger.Summaries(t.Context())
	if err != nil || !rep.Yielded || rep.New == 0 || sums[0].Failures != 0 || sums[0].Last != nil || sums[0].SucceededAt != 0 {
		t.Errorf("%v: %+v, %+v", err, rep, sums)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rest := r.ok(); rep.New+rest.New != 6 {
		t.Errorf("%+v", rest)
	}
	r.wantMail(box...)
}

// Known messages that are to be recognised by reading them, and a server that closes at one of them: what was found out
// before that is no reason to log in again.
func TestRecognisingIsNoProgress(t *testing.T) {
	box := sized(5)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps, o.NoTOP = true, true })
	r.ok()
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && s.UID(numberOf(arg)) == "uid00003" {
				return &pop3test.Reply{Close: true}
			}
			return nil
		}
	})
	for pass := range 3 {
		before := r.server.Stats()
		rep := r.run()
		after := r.server.Stats()
		// From the third pass on the message is left alone.
		if n := after.Logins - before.Logins; n > 6 || (rep.Verdict.Class == verdict.OK) != (pass == 2) {
			t.Errorf("pass %d: %d logins and %d RETRs: %+v", pass, n, after.Commands["RETR"]-before.Commands["RETR"], rep.Verdict)
		}
	}
}
