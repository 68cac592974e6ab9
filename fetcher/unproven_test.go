package fetcher

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/pop3/pop3test"
)

// ofSizes makes messages with different contents and the sizes given, or longer where that is too little.
func ofSizes(name string, sizes ...int) (all []pop3test.Message) {
	for i, size := range sizes {
		uid := fmt.Sprintf("%s%d", name, i)
		m := fmt.Appendf(nil, "Subject: %s\r\nMessage-ID: <%[1]s@example.org>\r\n\r\n", uid)
		m = append(m, strings.Repeat("x", max(0, size-len(m)-2))+"\r\n"...)
		all = append(all, pop3test.Message{UID: uid, Data: m})
	}
	return all
}

// established fetches so many messages that the sizes of the server are trusted.
func established(r *rig) (box []pop3test.Message) {
	for i := range 15 {
		box = append(box, ofSizes(fmt.Sprintf("old%d-", i), 200+10*i)...)
	}
	r.server.Deliver("u", box...)
	r.ok()
	if f := health.Decode(r.facts()); f.Wire.Sizes.Rule() != health.RuleExact || f.Wire.Scan != 1 {
		r.t.Fatalf("not established: %+v", f.Wire)
	}
	return box
}

// A server lists messages that end without CRLF as they are, and sends one behind them: several in a row cannot prove
// themselves. That takes another session, and the server is not taken for one that loses step.
func TestLongerThanListedInARow(t *testing.T) {
	r := newRig(t)
	box := established(r)
	more := ofSizes("new", 500, 510, 520, 530, 540, 550)
	r.server.Deliver("u", more...)
	for i := 1; i < 4; i++ {
		more[i].Data = append(bytes.Clone(more[i].Data), "\r\n"...)
	}
	r.server.Change(func(o *pop3test.Options) {
		o.OnReply = func(_ *pop3test.Session, verb, arg string, reply []byte) pop3test.Reply {
			if verb == "RETR" && (arg == "17" || arg == "18" || arg == "19") {
				reply = append(bytes.TrimSuffix(reply, []byte(".\r\n")), "\r\n.\r\n"...)
			}
			return pop3test.Reply{Raw: reply}
		}
	})
	r.ok()
	r.wantMail(append(box, more...)...)
	if f := health.Decode(r.facts()); f.Wire.Lost != 0 || f.NoPipeliningUntil != 0 {
		t.Errorf("it is spoken to one command at a time: %+v", f)
	}
}

// Messages of one size, and an answer to TOP that proves nothing: they are read one command at a time, also where the server
// allows no second session in the same pass.
func TestUnprovenWithLoginDelay(t *testing.T) {
	r := newRig(t)
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "CAPA" {
				return &pop3test.Reply{Raw: []byte("+OK\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nLOGIN-DELAY 10\r\n.\r\n")}
			}
			return nil
		}
	})
	box := established(r)
	more := ofSizes("new", 500, 500, 500, 510, 520)
	r.server.Deliver("u", more...)
	r.server.Change(func(o *pop3test.Options) {
		o.OnReply = func(_ *pop3test.Session, verb, _ string, reply []byte) pop3test.Reply {
			if verb == "TOP" {
				reply = bytes.Replace(reply, []byte("\r\n\r\n"), []byte("\r\n"), 1) // no empty line behind the header
			}
			return pop3test.Reply{Raw: reply}
		}
	})
	for range 2 {
		r.clock = r.clock.Add(time.Minute)
		r.run()
	}
	r.wantMail(append(box, more...)...)
	if f := health.Decode(r.facts()); f.Wire.Lost != 0 {
		t.Errorf("step was lost: %+v", f.Wire)
	}
}
