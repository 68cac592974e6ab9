//go:build bench

package ratio

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/popsync/popsync/bench/floor"
	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// patience is how long a run may take.
const patience = 3 * time.Minute

// server starts a Dovecot with accounts enough: it does not see at once that one was added.
func (b *bench) server(accounts int) *dovecot.Server {
	b.t.Helper()
	b.user = 0
	return dovecot.Start(b.t, dovecot.Options{Users: accounts})
}

// next is a user whose mailbox is empty.
func (b *bench) next() string {
	b.user++
	return fmt.Sprintf("u%d", b.user)
}

// box fills an empty mailbox, and has Dovecot index it.
func (b *bench) box(d *dovecot.Server, messages [][]byte) string {
	b.t.Helper()
	user := b.next()
	d.Fill(user, messages)
	b.index(d, user)
	return user
}

func (b *bench) index(d *dovecot.Server, user string) {
	b.t.Helper()
	if _, err := floor.Run(b.t.Context(), floor.Options{Addr: d.Plain, User: user, Password: dovecot.Password, ListOnly: true}); err != nil {
		b.t.Fatal(err)
	}
}

// fetch makes a run over new mail, which is deleted afterwards, and looks at what was delivered.
func (b *bench) fetch(d *dovecot.Server, e entrant, t task, messages [][]byte, limit time.Duration, counted bool) (outcome, int) {
	b.t.Helper()
	if e.few > 1 {
		var some [][]byte
		for i := 0; i < len(messages); i += e.few {
			some = append(some, messages[i])
		}
		messages = some
	}
	user := b.box(d, messages)
	h := b.home()
	t.users, t.del = []string{user}, true
	o := h.run(e.program, e.setup(h, t), limit, counted)
	h.compare(e.program, &o, h.delivered(t.users), stored(messages))
	if left := d.Count(user); left > 0 && o.note == "" {
		o.note = fmt.Sprintf("%d not deleted", left)
	}
	b.must(os.RemoveAll(filepath.Join(d.Maildir(user), "cur")))
	return o, len(messages)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// scenarioA: many small messages beside the server, where the client is all that takes time.
func (b *bench) scenarioA() {
	d := b.server(100)
	messages := mailgen.Messages(1, b.size(10_000), 2000, 8000)
	all := b.entrants([]string{"mpop", "fdm", "fetchmail", "getmail"}, map[string]int{"fdm": 5, "fetchmail": 20, "getmail": 20})
	tab := b.race(fmt.Sprintf("A: %d messages of 2 to 8 KB, no distance, deleted", len(messages)), all, func(e entrant, counted bool) (outcome, int) {
		return b.fetch(d, e, task{addr: d.Plain}, messages, patience, counted)
	})
	b.goalA("A, plain", tab)
	var tls []entrant
	for _, e := range all {
		if e.ours || e.program.name == "mpop" {
			tls = append(tls, e)
		}
	}
	tab = b.race(fmt.Sprintf("A with TLS: %d messages of 2 to 8 KB, no distance, deleted", len(messages)), tls, func(e entrant, counted bool) (outcome, int) {
		return b.fetch(d, e, task{addr: d.TLS, ca: d.CAFile}, messages, patience, counted)
	})
	b.goalA("A, TLS", tab)
}

func (b *bench) goalA(name string, tab *table) {
	r, mpop := tab.ratio("floor"), tab.ratio("mpop")
	b.page.goal(b.t, name, "1.5 times the floor, twice as fast as mpop", fmt.Sprintf("%.2f times, %.1f times as fast", r, 1/mpop), r <= 1.5 && mpop <= 0.5)
	cpu := div(tab.of("popsync").cpu, tab.of("floor").cpu)
	b.page.goal(b.t, name, "CPU twice the floor's", fmt.Sprintf("%.2f times", cpu), cpu <= 2)
}

// scenarioB: the same at a distance.
func (b *bench) scenarioB() {
	d := b.server(100)
	messages := mailgen.Messages(1, b.size(2_000), 2000, 8000)
	addr := b.far(d.Plain, 50*time.Millisecond, 0)
	all := b.entrants([]string{"mpop", "fdm", "fetchmail", "getmail"}, map[string]int{"fdm": 20, "fetchmail": 20, "getmail": 20})
	tab := b.race(fmt.Sprintf("B: %d messages of 2 to 8 KB, 50 ms away, deleted", len(messages)), all, func(e entrant, counted bool) (outcome, int) {
		return b.fetch(d, e, task{addr: addr}, messages, patience, counted)
	})
	r, mpop := tab.ratio("floor"), tab.ratio("mpop")
	b.page.goal(b.t, "B", "1.5 times the floor, five times as fast as mpop", fmt.Sprintf("%.2f times, %.1f times as fast", r, 1/mpop), r <= 1.5 && mpop <= 0.2)
}

// scenarioC: mail of the sizes that people have, over a line of 100 Mbit/s.
func (b *bench) scenarioC() {
	d := b.server(100)
	r := rand.New(rand.NewPCG(3, 0))
	messages := make([][]byte, b.size(2_000))
	total := 0
	for i := range messages {
		// Log-normal: half of all messages are below 12 KB, and the few large ones are most of the octets.
		size := min(12_000*math.Exp(2*r.NormFloat64()), 10e6)
		messages[i] = mailgen.Message(r, i, int(size))
		total += len(messages[i])
	}
	addr := b.far(d.Plain, 20*time.Millisecond, 100e6/8)
	all := atMost(3, b.entrants([]string{"mpop", "fdm", "fetchmail", "getmail"}, map[string]int{"fdm": 20, "fetchmail": 20, "getmail": 20}))
	tab := b.race(fmt.Sprintf("C: %d messages of real sizes, %d MB, 20 ms away, 100 Mbit/s, deleted", len(messages), total/1e6), all,
		func(e entrant, counted bool) (outcome, int) {
			return b.fetch(d, e, task{addr: addr}, messages, patience, counted)
		})
	q := tab.ratio("floor")
	b.page.goal(b.t, "C", "1.05 times the floor", fmt.Sprintf("%.2f times", q), q <= 1.05)
}

// scenarioD: one message that fits in no memory.
func (b *bench) scenarioD() {
	d := b.server(100)
	size := b.size(1 << 30)
	r := rand.New(rand.NewPCG(4, 0))
	message := mailgen.Message(r, 0, 1<<20)
	more := message[bytes.Index(message, []byte("\r\n\r\n"))+4:]
	for len(message) < size {
		message = append(message, more...)
	}
	all := b.entrants([]string{"mpop", "fdm", "fetchmail"}, nil)
	for i := range all {
		if !all[i].ours {
			all[i].times = 1
		}
	}
	one := func(e entrant, counted bool) (outcome, int) {
		o, n := b.fetch(d, e, task{addr: d.Plain}, [][]byte{message}, patience, counted)
		homes, _ := filepath.Glob(filepath.Join(b.base, "home-*"))
		for _, h := range homes { // a disk has no room for all of these
			b.must(os.RemoveAll(filepath.Join(h, "Mail")))
		}
		return o, n
	}
	one(all[1], false) // the first run is the slowest as a rule, whoever makes it
	tab := b.race(fmt.Sprintf("D: one message of %d MB, no distance, deleted", len(message)>>20), all, one)
	q, rss := tab.ratio("floor"), tab.of("popsync").rss
	b.page.goal(b.t, "D", "1.2 times the floor, 32 MB", fmt.Sprintf("%.2f times, %d MB", q, rss>>20), q <= 1.2 && rss <= 32<<20)
}

// scenarioF: many accounts of one host.
func (b *bench) scenarioF() {
	d := b.server(50 * (4*b.repeats + 10))
	const each = 40
	n := b.size(50)
	boxes := make([][][]byte, n)
	var everything [][]byte
	for i := range boxes {
		boxes[i] = mailgen.Messages(uint64(50+i), each, 2000, 8000)
		everything = append(everything, boxes[i]...)
	}
	want := stored(everything)
	addr := b.far(d.Plain, 50*time.Millisecond, 0)
	all := b.entrants([]string{"mpop", "16 mpops"}, nil)
	for i := range all {
		if all[i].program.name == "mpop" {
			all[i].times = 1
		}
	}
	tab := b.race(fmt.Sprintf("F: %d accounts of %d messages of 2 to 8 KB on one host, 50 ms away, deleted", n, each), all, func(e entrant, counted bool) (outcome, int) {
		t := task{addr: addr, del: true}
		for _, messages := range boxes {
			t.users = append(t.users, b.box(d, messages))
		}
		h := b.home()
		o := h.run(e.program, e.setup(h, t), patience, counted)
		h.compare(e.program, &o, h.delivered(t.users), want)
		return o, len(everything)
	})
	q, mpops := tab.ratio("floor"), tab.ratio("16 mpops")
	b.page.goal(b.t, "F", "twice the floor, faster than 16 mpops", fmt.Sprintf("%.2f times, %.1f times as fast", q, 1/mpops), q <= 2 && mpops < 1)
}
