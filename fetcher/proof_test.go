package fetcher

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A server that does not stuff dots, and sends what follows the forged end only when it is asked for something else:
// the cut message is neither delivered nor deleted, whatever its place, and parks alone.
func TestForgedEnd(t *testing.T) {
	for _, at := range []int{0, 3, 7} {
		for _, pipelining := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %v", at, pipelining), func(t *testing.T) {
				box := mailbox(8)
				first, rest := []byte("Subject: dots\r\n\r\nbefore\r\n"), []byte("after\r\n")
				box[at].Data = slices.Concat(first, []byte(".\r\n"), rest)
				r := newRig(t, box...)
				r.acc.Policy.Delete = plan.DeleteAfterDelivery
				r.server.Change(func(o *pop3test.Options) {
					o.NoPipelining, o.NoTOP = !pipelining, true
					var owed []byte
					o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
						if owed != nil { // the rest of the message, and nobody reads on after it
							owed = nil
							return &pop3test.Reply{Raw: append(slices.Clone(rest), ".\r\n"...)}
						}
						n, _ := strconv.Atoi(arg)
						if m, ok := s.Message(n); verb == "RETR" && ok && m.UID == box[at].UID {
							owed = rest
							return &pop3test.Reply{Raw: slices.Concat([]byte("+OK\r\n"), first, []byte(".\r\n"))}
						}
						return nil
					}
				})
				for range 8 {
					rep := r.run()
					if rep.Verdict.Class == verdict.OK && rep.Parked == 0 {
						t.Errorf("%+v", rep)
					}
				}
				left := r.server.Messages("u")
				if len(left) == 0 || !slices.ContainsFunc(left, func(m pop3test.Message) bool { return m.UID == box[at].UID }) {
					t.Errorf("the message that was cut is not on the server any more; %d are", len(left))
				}
				if mailIn(t, r.dir)[sha256.Sum256(bytes.ReplaceAll(first, []byte("\r\n"), []byte("\n")))] > 0 {
					t.Error("the cut message was delivered")
				}
			})
		}
	}
}

// A server that leaves out one reply in a pipeline: the bodies after it stand under the unique-ids of those before them.
// Their sizes give it away, and nothing is taken for delivered that is not.
func TestReplyLeftOut(t *testing.T) {
	var box []pop3test.Message
	for i := range 40 {
		box = append(box, message(fmt.Sprintf("id%02d", i), strings.Repeat("x", 10+i)))
	}
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	left := 1
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "21" && left > 0 {
				left--
				return &pop3test.Reply{}
			}
			return nil
		}
	})
	rep := r.run()
	if rep.New != 40 || rep.Deleted != 40 || rep.Verdict.Class != verdict.OK {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
	if n := len(r.server.Messages("u")); n != 0 {
		t.Errorf("%d left", n)
	}
}

// A message that is longer than listed is delivered at once, one that is shorter after an hour; others do not wait for it.
func TestOneWrongSize(t *testing.T) {
	for _, lie := range []int64{-3, 5} {
		box := mailbox(30)
		box[20].ListSize = int64(len(box[20].Data)) + lie
		r := newRig(t, box...)
		rep := r.run()
		if lie > 0 {
			if rep.New != 29 || rep.Verdict.Class != verdict.Temporary || health.Decode(r.facts()).NoPipeliningUntil != 0 {
				t.Errorf("%+v", rep)
			}
			r.clock = r.clock.Add(time.Hour)
			rep = r.ok()
			rep.New += 29
		}
		if rep.New != 30 || rep.Verdict.Class != verdict.OK || errors.Is(rep.Err, verdict.ErrOutOfStep) {
			t.Errorf("%+v", rep)
		}
		r.wantMail(box...)
		if rep := r.ok(); rep.New != 0 {
			t.Errorf("%+v", rep)
		}
	}
}

// The replies to RETR and to the TOP behind it change places, where sizes say nothing: the header is not taken for the message.
func TestRetrAndTopSwapped(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.ok()
	var more []pop3test.Message
	for i := range 3 {
		m := message(fmt.Sprintf("later%d", i), strings.Repeat("line\r\n", 100+i))
		m.ListSize = 11
		more = append(more, m)
	}
	more[1].ListSize = 31
	num, last := strconv.Itoa(len(box)+len(more)), more[2].Data
	var held []byte
	swapped := false
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			switch {
			case verb == "RETR" && arg == num && !swapped:
				held, swapped = fmt.Appendf(nil, "+OK\r\n%s.\r\n", last), true
				return &pop3test.Reply{Raw: []byte{}}
			case verb == "TOP" && held != nil:
				header, _, _ := bytes.Cut(last, []byte("\r\n\r\n"))
				raw := append(fmt.Appendf(nil, "+OK\r\n%s\r\n\r\n.\r\n", header), held...)
				held = nil
				return &pop3test.Reply{Raw: raw}
			}
			return nil
		}
	})
	r.server.Deliver("u", more...)
	for range 3 {
		r.run()
		r.clock = r.clock.Add(25 * time.Hour)
	}
	r.wantMail(append(box, more...)...)
}
