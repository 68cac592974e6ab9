package desk

import (
	"testing"

	"github.com/popsync/popsync/fetcher/plan"
)

// The limit counts new messages of the whole pass, and what was asked for in vain is given back.
func TestHaulLimit(t *testing.T) {
	h, two := &Haul{}, &plan.Policy{Limit: 2}
	if !h.Admit(two, 9, true) || !h.MayCome(two, 9, true) || !h.Admit(two, 9, true) || h.Admit(two, 9, true) || h.MayCome(two, 9, true) {
		t.Error("a limit of two lets in another number")
	}
	if !h.Admit(two, 9, false) {
		t.Error("what is not new counts")
	}
	h.Begin()
	if h.Admit(two, 9, true) {
		t.Error("each session has a limit of its own")
	}
	if h.Uncount(Used{}.With(9, true)); !h.Admit(two, 9, true) || h.Admit(two, 9, true) {
		t.Error("what was asked for in vain uses the limit up")
	}
	if !h.Admit(&plan.Policy{}, 9, true) {
		t.Error("no limit lets nothing in")
	}
	if h.AtLimitSize() {
		t.Error("the octets were never limited")
	}
}

// The octets of all messages count, new or not; one message always goes; and what came counts, not what was listed.
func TestHaulLimitSize(t *testing.T) {
	p := &plan.Policy{LimitSize: 100}
	h := &Haul{}
	if !h.Admit(p, 500, false) || h.Admit(p, 1, true) || h.MayCome(p, 0, true) || !h.AtLimitSize() {
		t.Error("one of 500 goes, and nothing else")
	}
	h = &Haul{}
	if !h.Admit(p, 60, true) || !h.Admit(p, 40, true) || h.AtLimitSize() || h.Admit(p, 1, true) {
		t.Error("60 and 40 are 100")
	}
	h.Begin()
	if h.Admit(p, 1, true) {
		t.Error("each session has a limit of its own")
	}
	if h.Uncount(Used{}.With(40, true)); h.Admit(p, 41, true) || !h.Admit(p, 40, true) {
		t.Error("what was asked for in vain uses it up")
	}
	h = &Haul{}
	h.Admit(p, 0, true) // a server that lists no sizes
	if h.Weigh(0, 99); !h.Admit(p, 1, true) || h.Admit(p, 0, true) {
		t.Error("what came does not count")
	}
	h = &Haul{}
	h.Admit(p, 90, true)
	if h.Weigh(90, 0); !h.Admit(p, 100, true) {
		t.Error("what was refused counts")
	}
}
