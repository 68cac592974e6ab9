package desk

import (
	"testing"

	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

func received(uid string, num, session int) *settle.Received {
	m := &settle.Received{Num: num, Session: session}
	m.Msg.Key = uidl.Key{UID: uid}
	return m
}

// A session got on if something became durable that the next one need not do again; what is read in vain does not count.
func TestHaulBrought(t *testing.T) {
	for name, c := range map[string]struct {
		does func(h *Haul)
		want bool
	}{
		"nothing":                    {func(*Haul) {}, false},
		"it gained":                  {func(h *Haul) { h.Gain(1) }, true},
		"it delivered":               {func(h *Haul) { h.Deliver(received("a", 1, h.begun), false) }, true},
		"it delivered what is held":  {func(h *Haul) { h.Deliver(received("a", 1, h.begun), true) }, false},
		"another one's was sent":     {func(h *Haul) { h.Deliver(received("a", 1, h.begun-1), false) }, false},
		"it is durable":              {func(h *Haul) { h.Secured(received("a", 1, h.begun)) }, true},
		"known, and compared":        {func(h *Haul) { h.KeepSafe(1) }, true},
		"known, and read next again": {func(h *Haul) { h.KeepSafe(1); h.Rereads() }, false},
		"under a new unique-id":      {func(h *Haul) { h.Adopt(1) }, true},
	} {
		h := &Haul{}
		h.Gain(3) // before
		h.Begin()
		h.Gain(2) // the first session
		h.Begin()
		if c.does(h); h.Brought() != c.want {
			t.Errorf("%s: got on: %v", name, !c.want)
		}
	}
}

// A server that has us log in again and again for nothing is asked so many times, and any progress begins the count anew.
func TestHaulMayAsk(t *testing.T) {
	h := &Haul{}
	for i := range mostVain {
		if h.Begin(); !h.MayAsk() {
			t.Fatalf("not after %d sessions in vain", i+1)
		}
	}
	h.Begin()
	h.Gain(1)
	if !h.MayAsk() {
		t.Fatal("not after a session that got on")
	}
	for range mostVain {
		if h.Begin(); !h.MayAsk() {
			t.Fatal("the count does not begin anew")
		}
	}
	if h.Begin(); h.MayAsk() {
		t.Errorf("after %d sessions in vain another one follows", mostVain+1)
	}
}

// What a session may delete is what it delivered until it was asked for that; the rest is for a later one.
func TestHaulDeletable(t *testing.T) {
	h := &Haul{}
	h.Begin()
	kept := []bool{
		h.Deliver(received("a", 1, 1), false),
		h.Deliver(received("b", 2, 1), true),
	}
	due := h.Deletable()
	kept = append(kept, h.Deliver(received("c", 3, 1), false))
	h.Begin()
	kept = append(kept, h.Deliver(received("d", 4, 1), false))
	if len(due) != 1 || due[0].Key.UID != "a" || due[0].Num != 1 {
		t.Errorf("to be deleted: %+v", due)
	}
	if want := [4]bool{false, true, true, true}; [4]bool(kept) != want {
		t.Errorf("kept until the next session: %v, want %v", kept, want)
	}
	if n := h.Late(); n != 1 || h.Late() != 0 {
		t.Errorf("%d were delivered after their session, told more than once: %v", n, h.Late() != 0)
	}
}

// Copies from an earlier pass that arrive while a session lists their messages are told from those that came before.
func TestHaulExpect(t *testing.T) {
	h := &Haul{}
	a, b := uidl.Key{UID: "a"}, uidl.Key{UID: "b"}
	if h.CatchUp(a, false) {
		t.Error("listed by a session that has not begun")
	}
	h.Begin()
	if n := h.Expect([]uidl.Key{a, b}); n != 1 {
		t.Errorf("%d arrived while the plan was made", n)
	}
	if !h.CatchUp(b, true) || h.Late() != 1 || h.Known() != 2 {
		t.Errorf("%+v", h)
	}
}
