//go:build bench

package ratio

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// scenarioE: a mailbox in which all is kept, and a little is new. The ideal client is told how many it knows; it lists,
// and fetches the rest.
func (b *bench) scenarioE() {
	d := b.server(1)
	old := mailgen.Messages(2, b.size(100_000), 300, 400)
	user := b.box(d, old)
	homes := map[string]*home{}
	defer func(n int) { b.repeats = n }(b.repeats)
	b.repeats = 2*b.repeats + 1 // the server takes most of the time, and all programs are close together
	for _, rt := range []time.Duration{0, 50 * time.Millisecond} {
		t := task{addr: b.far(d.Plain, rt, 0), users: []string{user}}
		all := b.entrants([]string{"mpop"}, nil)
		for i := range all {
			all[i].times = 0 // all make as many runs
		}
		for _, e := range all { // first, all that is old; with another address, recognise it
			if homes[e.program.name] == nil {
				homes[e.program.name] = b.home()
			}
			h := homes[e.program.name]
			args := e.setup(h, t)
			if e.program.name != "floor" {
				if o := h.run(e.program, args, 10*patience, false); o.note != "" {
					b.t.Logf("%s, first pass: %s", e.program.name, o)
				}
			}
		}
		var missing []sums // of each round: what was new in it
		tab := b.race(fmt.Sprintf("E: %d kept, 10 new, %v away", len(old), rt), all, func(e entrant, counted bool) (outcome, int) {
			h := homes[e.program.name]
			// Each program finds the same: ten that are new to it, whoever came before.
			fresh := mailgen.Messages(uint64(1000+len(missing)), 10, 300, 400)
			missing = append(missing, stored(fresh))
			d.Fill(user, fresh)
			b.index(d, user)
			for _, other := range all { // the others get them outside of the time
				if o := homes[other.program.name]; other.program.name != e.program.name && other.program.name != "floor" {
					o.run(other.program, other.setup(o, t), patience, false)
				}
			}
			t.skip = d.Count(user) - 10
			before := h.total(user)
			o := h.run(e.program, e.setup(h, t), patience, counted)
			if got := h.total(user) - before; got != 10 && o.note == "" {
				o.note = fmt.Sprintf("%d new messages", got)
				if e.ours {
					b.t.Fatalf("%s: %s", e.program.name, o)
				}
			}
			return o, 10
		})
		q, rss, mpop := tab.ratio("floor"), tab.of("popsync").rss, tab.ratio("mpop")
		b.page.goal(b.t, fmt.Sprintf("E, %v", rt), "1.5 times the floor, not slower than mpop, 64 MB",
			fmt.Sprintf("%.2f times, %.2f of mpop's time, %d MB", q, mpop, rss>>20), q <= 1.5 && mpop <= 1 && rss <= 64<<20)
	}
	want := stored(old)
	for _, p := range b.with("popsync") {
		got := homes[p.name].delivered([]string{user})
		for sum := range want {
			if got[sum] != want[sum] {
				b.t.Fatal("popsync's Maildir lacks a message or has it twice")
			}
		}
	}
}

// total counts a Maildir's messages.
func (h *home) total(user string) (n int) {
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(h.path("Mail/" + user + "/" + sub))
		if err != nil {
			h.b.t.Fatal(err)
		}
		n += len(entries)
	}
	return n
}

// scenarioN: time and memory against the number of messages that are listed and known. The server is one in memory,
// since Dovecot itself would take most of the time. popsync is told by 'popsync baseline' that it knows them, fetchmail by
// its file of unique-ids; mpop fetches them first, as far as that can be waited for.
func (b *bench) scenarioN() {
	b.page.listedTime = panel{title: "Time of a pass without new mail", xUnit: "messages listed", yUnit: "s"}
	b.page.listedMemory = panel{title: "Peak memory", xUnit: "messages listed", yUnit: "MB"}
	message := mailgen.Messages(5, 1, 300, 400)[0]
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		n = b.size(n)
		s := pop3test.NewServer(pop3test.Options{})
		b.t.Cleanup(s.Close)
		box := make([]pop3test.Message, n)
		for i := range box {
			box[i] = pop3test.Message{UID: fmt.Sprintf("%016x%08x", uint64(i)*0x9e3779b97f4a7c15, i), Data: message}
		}
		s.AddUser("u", dovecot.Password, box...)
		addr, err := s.Listen()
		if err != nil {
			b.t.Fatal(err)
		}
		t := task{addr: addr.String(), users: []string{"u"}, list: true}
		all := b.entrants([]string{"mpop", "fetchmail"}, nil)
		homes := map[string]*home{}
		var able []entrant
		for _, e := range all {
			h := b.home()
			homes[e.program.name] = h
			switch e.program.name {
			case "popsync":
				args := e.setup(h, t)
				h.run(e.program, []string{args[0], args[1], "baseline", "u"}, patience, false)
			case "mpop":
				if n > 100_000 {
					continue
				}
				h.run(e.program, e.setup(h, t), 2*patience, false)
			case "fetchmail":
				var ids strings.Builder
				for i := range box {
					fmt.Fprintf(&ids, "u@127.0.0.1 %s\n", box[i].UID)
				}
				h.write("ids", 0o600, "%s", ids.String())
			}
			able = append(able, e)
		}
		tab := b.race(fmt.Sprintf("N: %d listed, all known, no distance", n), able, func(e entrant, counted bool) (outcome, int) {
			h := homes[e.program.name]
			o := h.run(e.program, e.setup(h, t), patience, counted)
			return o, 0
		})
		for _, r := range tab.rows {
			b.page.listedTime.add(r.program, float64(n), r.wall.Seconds())
			b.page.listedMemory.add(r.program, float64(n), float64(r.rss)/(1<<20))
		}
		if r := tab.of("popsync"); n == 1_000_000 {
			b.page.goal(b.t, "E, 1,000,000 kept", "under 300 MB, time grows with the number", fmt.Sprintf("%d MB, %s", r.rss>>20, short(r.wall)), r.rss < 300<<20)
		}
	}
}

// scenarioR: time against the distance.
func (b *bench) scenarioR() {
	b.page.distance = panel{title: fmt.Sprintf("Time for %d messages, deleted", b.size(2_000)), xUnit: "round trip in ms", yUnit: "s", linear: true}
	d := b.server(200)
	messages := mailgen.Messages(1, b.size(2_000), 2000, 8000)
	for _, rt := range []time.Duration{0, 20, 50, 100, 200} {
		addr := b.far(d.Plain, rt*time.Millisecond, 0)
		all := b.entrants([]string{"mpop", "fetchmail"}, map[string]int{"fetchmail": 40})
		tab := b.race(fmt.Sprintf("R: %d messages of 2 to 8 KB, %d ms away, deleted", len(messages), rt), all, func(e entrant, counted bool) (outcome, int) {
			return b.fetch(d, e, task{addr: addr}, messages, patience, counted)
		})
		for _, r := range tab.rows {
			b.page.distance.add(r.program, float64(rt), r.wall.Seconds())
		}
	}
}
