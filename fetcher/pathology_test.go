package fetcher

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// Sizes that lie: nothing depends on what LIST says but the window and the limits.
func TestSizesThatLie(t *testing.T) {
	for _, lie := range []int64{1, -1, 1 << 40, 1 << 62} {
		t.Run(fmt.Sprint(lie), func(t *testing.T) {
			box := mailbox(4)
			for i := range box {
				box[i].ListSize = max(int64(len(box[i].Data))+lie, 1)
			}
			r := newRig(t, box...)
			r.opt.FreeFloor = -1
			rep := r.run()
			if lie == 1<<40 { // it could not be stored, if it were true; what no size can be counts as none
				if rep.New != 0 || rep.Reasons[plan.ReasonNoSpace] != 4 || !strings.Contains(rep.Verdict.Hint, "make room") {
					t.Errorf("%+v", rep)
				}
				return
			}
			if lie == 1 { // shorter than listed: not before it was read again and again
				if rep.Verdict.Class != verdict.Temporary || rep.New != 0 {
					t.Errorf("%+v", rep)
				}
				r.clock = r.clock.Add(time.Hour)
				rep = r.run()
			}
			if rep.Verdict.Class != verdict.OK || rep.New != 4 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(box...)
			if rep := r.ok(); rep.New != 0 || rep.Questioned != 0 {
				t.Errorf("the same lie again: %+v", rep)
			}
		})
	}
}

// Mail that vanishes between the listing and its RETR is nobody's fault for long: it is gone from the next listing.
func TestVanishesBeforeRETR(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "2" {
				return &pop3test.Reply{Raw: []byte("-ERR it is not there any more\r\n")}
			}
			return nil
		}
	})
	rep := r.run()
	if rep.New != 4 || rep.Failed != 1 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	wantReason(t, rep, "not there any more")
	left := append(slices.Clone(box[:1]), box[2:]...)
	r.server.AddUser("u", "p", left...)
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.Failed != 0 || rep.Parked != 0 || rep.Kept != 4 {
		t.Errorf("it is gone: %+v", rep)
	}
	r.wantMail(left...)
}

// wantReason wants a reason that contains text: it is what a person sees.
func wantReason(t *testing.T, rep report.Report, text string) {
	t.Helper()
	for reason := range rep.Reasons {
		if strings.Contains(reason, text) {
			return
		}
	}
	t.Errorf("no reason has %q: %v", text, rep.Reasons)
}

// A server that ends the connection, or falls silent, in the midst of one message every time: it is parked after three
// attempts, the others are delivered, and a person can see which and why.
func TestAlwaysBreaksAtOneMessage(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Close, fault.Stall} {
		for _, pipelining := range []bool{true, false} {
			t.Run(fmt.Sprintf("kind %d, pipelining %v", kind, pipelining), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					box := mailbox(9)
					box[3].Data = append(slices.Clone(box[3].Data), strings.Repeat("the poison\r\n", 50)...)
					r := newRig(t, box...)
					r.acc.Server.NoPipelining = !pipelining
					r.acc.Policy.Delete = plan.DeleteAfterDelivery
					r.server.Change(func(o *pop3test.Options) {
						o.Wrap = func(c net.Conn) net.Conn { return breaksAt{c, "the poison\r\nthe", kind, r.server.Done()} }
					})
					parked := 0
					for range 6 {
						rep := r.run()
						if parked += rep.NewlyParked; rep.NewlyParked == 1 && rep.Verdict.Class != verdict.Temporary {
							t.Errorf("%+v", rep.Verdict)
						}
						if rep.Parked == 0 && rep.Failed != 1 {
							t.Errorf("%+v", rep)
						}
					}
					if parked != 1 {
						t.Errorf("parked %d times", parked)
					}
					if rep := r.ok(); rep.Parked != 1 || rep.Failed != 0 || rep.Listed != 1 {
						t.Errorf("%+v", rep)
					}
					r.wantMail(append(slices.Clone(box[:3]), box[4:]...)...)
					r.server.Close() // ends what stalls
				})
			})
		}
	}
}

// breaksAt is a server's connection that breaks in the midst of some text.
type breaksAt struct {
	net.Conn
	text string
	kind fault.Kind
	done <-chan struct{}
}

func (b breaksAt) Write(p []byte) (int, error) {
	i := bytes.Index(p, []byte(b.text))
	if i < 0 {
		return b.Conn.Write(p)
	}
	n, err := b.Conn.Write(p[:i+5])
	if err == nil && b.kind == fault.Stall {
		<-b.done
	}
	b.Conn.Close()
	if err == nil {
		err = net.ErrClosed
	}
	return n, err
}

// A listing that is cut off or makes no sense in parts: what it lacks is not gone, and comes back as what it was.
func TestListingInPieces(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box...)
	r.ok()
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "LIST" {
				return &pop3test.Reply{Raw: []byte("+OK\r\n1 " + fmt.Sprint(len(box[0].Data)) + "\r\nnonsense \x1b[2J\r\n.\r\n")}
			}
			return nil
		}
	})
	rep := r.run()
	wantReason(t, rep, "not complete")
	if rep.New != 0 || strings.ContainsAny(rep.Verdict.Message, "\x1b") {
		t.Errorf("%+v", rep)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 0 || rep.Questioned != 0 || rep.Kept != 4 {
		t.Errorf("nothing was gone: %+v", rep)
	}
	r.wantMail(box...)
}

// Two agents on one mailbox: what the other deletes is gone without a word, what it keeps is fetched once; a mailbox
// that is in use is tried again.
func TestTwoAgents(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery, Limit: 2}
	r.ok()
	r.server.AddUser("u", "p", box[4:]...) // the other one took two
	if rep := r.ok(); rep.New != 2 || rep.Failed != 0 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[0], box[1], box[4], box[5])

	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "PASS" || verb == "AUTH" {
				return &pop3test.Reply{Raw: []byte("-ERR [IN-USE] the other one is here\r\n")}
			}
			return nil
		}
	})
	if rep := r.run(); rep.Verdict.Class != verdict.Temporary || !strings.Contains(rep.Verdict.Hint, "another client") {
		t.Errorf("%+v", rep.Verdict)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.run(); !rep.Untried || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("at once again: %+v", rep.Verdict)
	}
	r.clock = r.clock.Add(5 * time.Minute)
	r.ok()
}

// A message that the other agent deletes while our session has it marked: QUIT answers -ERR, and the pass is none the
// worse for it (RFC 1939, section 6: some messages not removed).
func TestQuitRefused(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "QUIT" {
				return &pop3test.Reply{Raw: []byte("-ERR some deleted messages not removed\r\n"), Close: true}
			}
			return nil
		}
	})
	rep := r.ok()
	wantReason(t, rep, "did not confirm")
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 0 || rep.Deleted != 3 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// A server that logs idle clients out: what it closed between a delivery and DELE is deleted in the next pass.
func TestLoggedOutBeforeDELE(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "DELE" {
				return &pop3test.Reply{Raw: []byte("-ERR autologout; idle for too long\r\n"), Close: true}
			}
			return nil
		}
	})
	rep := r.run()
	if rep.New != 3 || rep.Deleted != 0 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	wantReason(t, rep, "autologout")
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.New != 0 || rep.Deleted != 3 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}
