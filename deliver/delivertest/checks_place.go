package delivertest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// recognised: a look tells which place it is and changes nothing, before Identify and after it.
func recognised(t testing.TB, h Harness) {
	ctx := context.Background()
	before := h.look(t)
	target := h.Open(t)
	defer target.Close()
	first, err := target.Recognise(ctx)
	if err != nil {
		t.Errorf("Recognise of a place never met: %v", err)
	}
	if after := h.look(t); after != before {
		t.Errorf("Recognise changed the place from %q to %q", before, after)
	}
	if s, err := target.Create(ctx, message(0)); err == nil {
		s.Abort()
		t.Errorf("Create works after Recognise alone")
	}
	b := start(t, h)
	if first != "" && !deliver.SamePlace(first, b.known) {
		t.Errorf("recognised as %q, identified as %q", first, b.known)
	}
	tickets, bodies := b.stageN(0, 1)
	b.prepare(tickets)
	before = h.look(t)
	for _, target := range []deliver.Target{b.target, target} {
		if again, err := target.Recognise(ctx); err != nil || !deliver.SamePlace(again, b.known) {
			t.Errorf("identified as %q, recognised as %q, %v", b.known, again, err)
		}
	}
	if after := h.look(t); after != before {
		t.Errorf("Recognise changed the place from %q to %q", before, after)
	}
	b.publish(tickets)
	b.sees("after Recognise", bodies)
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.target.Recognise(ctx); err == nil {
		t.Errorf("Recognise ignores its context")
	}
}

// anotherPlace: what is remembered of another place is refused, and nothing is made for it.
func anotherPlace(t testing.TB, h Harness) {
	b := start(t, h)
	for _, other := range append(h.Others, "of a kind that nobody knows") {
		if deliver.SamePlace(b.known, other) {
			t.Errorf("%q and %q are one place", b.known, other)
		}
		before := h.look(t)
		target := h.Open(t)
		known, err := target.Identify(context.Background(), other)
		var e *deliver.Error
		if !errors.As(err, &e) || e.Scope != deliver.WholeTarget {
			t.Errorf("%q is taken for %q: %q, %v", b.known, other, known, err)
		}
		if after := h.look(t); after != before {
			t.Errorf("refused, the place was changed from %q to %q", before, after)
		}
		if s, err := target.Create(context.Background(), message(0)); err == nil {
			s.Abort()
			t.Errorf("Create works after a refusal")
		}
		target.Close()
	}
}

// moved: a known place is known where it is now, with all that is staged in it.
func moved(t testing.TB, h Harness) {
	if h.Move == nil {
		t.Skip("this target cannot move")
	}
	b := start(t, h)
	tickets, bodies := b.stageN(0, 2)
	b.prepare(tickets)
	was := b.known
	h.Move(t)
	b.reopen()
	if b.known == was {
		t.Errorf("moved, it is still %q", was)
	}
	if now, err := b.target.Recognise(context.Background()); err != nil || !deliver.SamePlace(now, b.known) {
		t.Errorf("moved and identified as %q, recognised as %q, %v", b.known, now, err)
	}
	b.publish(tickets)
	b.sees("after a move", bodies)
	now := b.known
	b.reopen()
	if b.known != now {
		t.Errorf("the identity changed from %q to %q", now, b.known)
	}
}

// remote: what it says of itself stays so, and goes with its Batch.
func remote(t testing.TB, h Harness) {
	b := start(t, h)
	is := b.target.Remote()
	for _, when := range []string{"at first", "with something staged", "after a crash"} {
		switch n := b.target.Batch(); {
		case b.target.Remote() != is:
			t.Errorf("%s: Remote was %v before", when, is)
		case n < 1, is != (n == 1):
			t.Errorf("%s: Remote is %v with a Batch of %d", when, is, n)
		}
		if when == "at first" {
			tickets, _ := b.stageN(0, 2)
			b.prepare(tickets)
		} else {
			b.reopen()
		}
	}
}

// untouched: who says that nothing happened to a ticket must be right, and where it is certain he says so.
func untouched(t testing.TB, h Harness) {
	if h.Refuse == nil {
		t.Skip("this target cannot be made to fail")
	}
	for _, late := range []bool{false, true} {
		b := start(t, h)
		if late && b.target.Remote() {
			continue // in doubt, which may make a duplicate
		}
		before := h.Visible(t)
		first := len(before)
		tickets, bodies := b.stageN(first, min(b.target.Batch(), 3))
		b.prepare(tickets)
		at := len(tickets) / 2
		h.Refuse(t, b.target, tickets[at], late)
		errs := b.target.Publish(context.Background(), tickets)
		visible := h.Visible(t)
		for i, err := range errs {
			var e *deliver.Error
			says := errors.As(err, &e) && e.Untouched
			_, staged := h.Staged(t, tickets[i])
			switch {
			case says && b.target.Remote():
				t.Errorf("Untouched of a remote destination")
			case says && (slices.Contains(visible, bodies[i]) || !staged):
				t.Errorf("late %v: Untouched, and message %d is visible, or its bytes are gone: %v", late, i, err)
			case err == nil && !slices.Contains(visible, bodies[i]):
				t.Errorf("late %v: settled, and message %d is not visible", late, i)
			case i == at && err == nil:
				t.Errorf("late %v: Publish of a message that was refused is settled", late)
			case i == at && !late && !b.target.Remote() && !says:
				t.Errorf("refused for certain, yet it does not say so: %v", err)
			}
		}
		b.reopen()
		b.publish(tickets)
		b.sees("after all", append(before, bodies...))
	}
}

// setAside is for a Setter: what no held ticket names is kept, but no ticket finds it, and no Sweep takes it.
func setAside(t testing.TB, h Harness) {
	b := start(t, h)
	if deliver.AbilitiesOf(b.target).Setter == nil {
		return
	}
	tickets, bodies := b.stageN(0, 4)
	b.prepare(tickets)
	b.reopen()
	held := tickets[:1]
	for i, want := range []int{3, 0} {
		can := deliver.AbilitiesOf(b.target)
		if n, where, err := can.Setter.SetAside(held); err != nil || n != want || where == "" {
			t.Errorf("call %d: SetAside: %d, %q, %v, want %d", i+1, n, where, err, want)
		}
		if can.Sweeper != nil {
			if err := can.Sweeper.Sweep(held); err != nil {
				t.Errorf("Sweep: %v", err)
			}
		}
		if n := h.Aside(t); n != 3 {
			t.Errorf("%d messages are aside, want 3", n)
		}
		b.reopen()
	}
	for _, ticket := range tickets[1:] {
		if _, ok := h.Staged(t, ticket); ok {
			t.Errorf("a message that was set aside is still staged")
		}
	}
	for _, err := range b.results(tickets[1:]) {
		if !errors.Is(err, deliver.ErrUnknown) && !errors.Is(err, deliver.ErrInferred) {
			t.Errorf("Publish of what was set aside: %v", err)
		}
	}
	if err := b.target.Discard(tickets[1:]); err != nil {
		t.Errorf("Discard of what was set aside: %v", err)
	}
	if n := h.Aside(t); n != 3 {
		t.Errorf("%d messages are aside after all, want 3", n)
	}
	b.publish(held)
	b.sees("after SetAside", bodies[:1])
}
