package delivertest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func stagingIsInvisible(t testing.TB, h Harness) {
	b := start(t, h)
	b.sees("at first", nil)
	s, err := b.target.Create(context.Background(), message(0))
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if _, err := s.Write([]byte(strings.Repeat("x", 1<<20))); err != nil {
		t.Fatalf("Write: %v", err)
	}
	b.sees("while writing", nil)
	ticket, err := s.Ticket()
	if err != nil {
		t.Fatalf("Ticket: %v", err)
	}
	b.sees("after Ticket", nil)
	b.prepare([]deliver.Ticket{ticket})
	b.sees("after Prepare", nil)
	if _, ok := h.Staged(t, ticket); !ok {
		t.Errorf("nothing is staged after Prepare")
	}
}

func bytesAreKept(t testing.TB, h Harness) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	noise := make([]byte, 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = "\r\n\n\r.a\x00\xff"[random.IntN(8)]
	}
	for name, text := range map[string]string{
		"empty": "", "one octet": "x", "no final line end": "Subject: a\r\n\r\nend", "dots": ".\r\n..\r\n.x\r\n\r\n.\r\n",
		"bare LF": "a\nb\n\n", "bare CR": "a\rb\r\rc\r\r\n", "CR last": "a\r", "NUL": "Subject: a\x00b\r\n\r\n\x00",
		"From line": "From me\r\nFrom you\r\n", "every octet": string(all), "only line ends": "\r\n\r\n\n\r\r\n",
		"long line": strings.Repeat("y", 1<<20) + "\r\n", "noise": string(noise),
	} {
		for _, n := range []int{1, 7, 4096, 1 << 22} {
			if n < 100 && len(text) > 1<<16 {
				continue // slow, and says nothing new
			}
			b := start(t, h)
			ticket := b.stage(message(0), text, n)
			b.prepare([]deliver.Ticket{ticket})
			before := h.Visible(t)
			b.publish([]deliver.Ticket{ticket})
			b.sees(name, append(before, h.stored(text)))
		}
	}
}

func ticketsAreShortLines(t testing.TB, h Harness) {
	b := start(t, h)
	seen := map[deliver.Ticket]bool{}
	for _, m := range []deliver.Message{
		{}, {Account: "work", UID: "1"}, {Account: "work", UID: "1"}, {Account: "work", UID: "1", Dup: 1},
		{Account: strings.Repeat("a", 64), UID: strings.Repeat("\xff", 5000), Size: -1}, {UID: "../../etc/passwd\r\n\x00 "},
	} {
		ticket := b.stage(m, "x\r\n", 10)
		if len(ticket) == 0 || len(ticket) > deliver.MaxTicket {
			t.Errorf("a ticket of %d octets", len(ticket))
		}
		for _, c := range []byte(ticket) {
			if c < ' ' || c > '~' {
				t.Errorf("ticket %q is not printable ASCII", ticket)
				break
			}
		}
		if seen[ticket] {
			t.Errorf("ticket %q was given twice", ticket)
		}
		seen[ticket] = true
	}
}

func publishedInOrder(t testing.TB, h Harness) {
	b := start(t, h)
	tickets, bodies := b.stageN(0, 7)
	b.prepare(tickets)
	b.publish(tickets)
	b.sees("after Publish", bodies)
	if h.Sequence == nil {
		return
	}
	for i, got := range h.Sequence(t) {
		if got != bodies[i] {
			t.Errorf("message %d is %q, want %q", i, clip(got), bodies[i])
		}
	}
}

func publishIsIdempotent(t testing.TB, h Harness) {
	b := start(t, h)
	tickets, bodies := b.stageN(0, 4)
	b.prepare(tickets)
	for _, when := range []string{"once", "twice", "three times"} {
		b.publish(tickets)
		b.sees("published "+when, bodies)
	}
	b.reopen()
	b.publish(tickets)
	b.sees("published after a crash", bodies)
	for _, ticket := range tickets {
		if _, ok := h.Staged(t, ticket); ok {
			t.Errorf("staged bytes are left after Publish")
		}
	}
}

// publishedBeforeAnother is for a Foreseer: of the next one nothing is seen and nothing is lost, whatever is wrong with it.
func publishedBeforeAnother(t testing.TB, h Harness) {
	b := start(t, h)
	f := deliver.AbilitiesOf(b.target).Foreseer
	if f == nil {
		return
	}
	tickets, bodies := b.stageN(0, 4)
	b.prepare(tickets)
	before := func(t, next deliver.Ticket) {
		b.Helper()
		if err := f.PublishBefore(context.Background(), t, next); err != nil {
			b.Fatalf("PublishBefore(%q, %q): %v", t, next, err)
		}
	}
	for i, ticket := range tickets[:3] {
		before(ticket, tickets[i+1])
		b.sees("published before another", bodies[:i+1])
		if _, ok := h.Staged(t, tickets[i+1]); !ok {
			t.Errorf("the next one's bytes are gone")
		}
	}
	before(tickets[0], tickets[3])
	b.sees("published again before another", bodies[:3])
	more, others := b.stageN(4, 6)
	b.prepare(more[:5])
	bodies = append(bodies, others...)
	if h.Damage != nil {
		h.Damage(t, more[4])
	}
	for i, next := range []deliver.Ticket{"", "of another kind", more[4], more[5]} { // damaged, not durable
		before(more[i], next)
		b.sees("published before one that is not in order", append(slices.Clone(bodies[:3]), others[:i+1]...))
	}
	before(tickets[3], tickets[0])
	b.sees("published before one that was", bodies[:8])
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.PublishBefore(ctx, more[4], more[5]); !errors.Is(err, context.Canceled) {
		t.Errorf("PublishBefore with a context that ended: %v", err)
	}
}

func publishAfterACrash(t testing.TB, h Harness) {
	const n = 5
	b := start(t, h)
	var all []string
	for done := range n + 1 {
		tickets, bodies := b.stageN(done*n, n)
		all = append(all, bodies...)
		b.prepare(tickets)
		b.publish(tickets[:done])
		b.reopen()
		b.publish(tickets)
		b.sees("published again", all)
		b.reopen()
		b.publish(tickets)
		b.sees("published a third time", all)
	}
}

func publishFromEveryState(t testing.TB, h Harness) {
	b := start(t, h)
	i := 0
	for name, bring := range h.States {
		for _, others := range []int{0, 2} {
			tickets, bodies := b.stageN(i, others+1)
			i += others + 1
			b.prepare(tickets)
			bring(t, tickets[0])
			b.reopen()
			before := h.Visible(t)
			b.publish(tickets)
			after := h.Visible(t)
			for k, text := range bodies {
				if count(after, text) != 1 {
					t.Errorf("%s: message %d is visible %d times", name, k, count(after, text))
				}
			}
			if len(after) < len(before) {
				t.Errorf("%s: %d messages are visible, %d were", name, len(after), len(before))
			}
			b.publish(tickets)
			b.sees(name+", published again", after)
		}
	}
}

func count(list []string, s string) (n int) {
	for _, x := range list {
		if x == s {
			n++
		}
	}
	return n
}

func damageIsNoticed(t testing.TB, h Harness) {
	if h.Damage == nil {
		t.Skip("this target's staged bytes cannot be damaged")
	}
	b := start(t, h)
	tickets, _ := b.stageN(0, 1)
	b.prepare(tickets)
	h.Damage(t, tickets[0])
	damaged, _ := h.Staged(t, tickets[0])
	for range 2 {
		b.reopen()
		if err := b.results(tickets)[0]; !errors.Is(err, deliver.ErrDamaged) {
			t.Errorf("Publish of damaged bytes: %v", err)
		}
		b.sees("after damage", nil)
		if got, ok := h.Staged(t, tickets[0]); !ok || got != damaged {
			t.Errorf("Publish removed or changed the damaged bytes")
		}
	}
	if err := b.target.Discard(tickets); err != nil {
		t.Errorf("Discard: %v", err)
	}
	if _, ok := h.Staged(t, tickets[0]); ok {
		t.Errorf("Discard left the damaged bytes")
	}
}

// damageStopsNoOther allows a Target to hold later messages back, but only until the damaged one is out of the way.
func damageStopsNoOther(t testing.TB, h Harness) {
	if h.Damage == nil {
		t.Skip("this target's staged bytes cannot be damaged")
	}
	b := start(t, h)
	tickets, bodies := b.stageN(0, 4)
	b.prepare(tickets)
	h.Damage(t, tickets[1])
	b.reopen()
	var rest []deliver.Ticket
	for i, err := range b.results(tickets) {
		var e *deliver.Error
		switch {
		case i == 1 && !errors.Is(err, deliver.ErrDamaged):
			t.Errorf("Publish of damaged bytes: %v", err)
		case i != 1 && err != nil && (!errors.As(err, &e) || e.Scope != deliver.ThisMessage || e.Permanent):
			t.Errorf("Publish beside damaged bytes, message %d: %v", i, err)
		case i != 1:
			rest = append(rest, tickets[i])
		}
	}
	b.publish(rest)
	b.sees("without the damaged one", append(bodies[:1:1], bodies[2:]...))
}

func discard(t testing.TB, h Harness) {
	b := start(t, h)
	tickets, bodies := b.stageN(0, 4)
	b.prepare(tickets[:3])
	b.publish(tickets[:1])
	for range 2 { // the second time nothing is there
		if err := b.target.Discard([]deliver.Ticket{tickets[0], tickets[1], tickets[3]}); err != nil {
			t.Errorf("Discard: %v", err)
		}
	}
	b.sees("after Discard", bodies[:1])
	for i, want := range []bool{false, false, true, false} {
		if _, ok := h.Staged(t, tickets[i]); ok != want {
			t.Errorf("ticket %d: staged is %v, want %v", i, ok, want)
		}
	}
	b.reopen()
	b.publish(tickets[2:3])
	b.sees("the one that was kept", []string{bodies[0], bodies[2]})
	if err := b.target.Discard(tickets); err != nil {
		t.Errorf("Discard after a crash: %v", err)
	}
	b.sees("after Discard of published tickets", []string{bodies[0], bodies[2]})
}

func abort(t testing.TB, h Harness) {
	b := start(t, h)
	for _, text := range []string{"", "half a mess", strings.Repeat("z", 1<<20)} {
		s, err := b.target.Create(context.Background(), message(0))
		if err != nil {
			t.Fatalf("Create: %v", err)
		}
		if _, err := s.Write([]byte(text)); err != nil {
			t.Fatalf("Write: %v", err)
		}
		s.Abort()
		s.Abort()
		if ticket, err := s.Ticket(); err == nil {
			t.Errorf("Ticket after Abort gave %q", ticket)
		}
		b.sees("after Abort", nil)
		if h.Places != nil && h.Places(t) != 0 {
			t.Errorf("Abort left %d staging places", h.Places(t))
		}
	}
	tickets, bodies := b.stageN(1, 1) // stage aborts after Ticket
	b.prepare(tickets)
	b.publish(tickets)
	b.sees("aborted after Ticket", bodies)
}
