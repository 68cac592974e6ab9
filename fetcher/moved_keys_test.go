package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// holding is a pass that has the account's lease and has done nothing yet.
func (r *rig) holding() *pass {
	r.t.Helper()
	l, err := r.ledger.Acquire(r.t.Context(), "a")
	r.must(err)
	r.t.Cleanup(func() { l.Close() })
	a := r.acc
	a.Destinations = nil
	p := newPass(a, r.opt.withDefaults())
	p.desk.Settler.L, p.ledger = l, r.ledger
	p.desk.Health.Facts = health.Decode(l.Info().Facts)
	return p
}

// keyed makes rows: "open" ones have a copy on its way, "fresh" ones were listed and never retrieved, "had" ones are at
// another place and have a copy on its way besides, "done" ones are delivered. The reason tells what a row is of.
func (r *rig) keyed(p *pass, text string) {
	r.t.Helper()
	c := uidl.Change{At: r.clock.Unix(), Destinations: []uidl.Destination{{Name: "d", Role: uidl.Required}, {Ordinal: 1, Name: "e", Role: uidl.Required}}}
	for row := range strings.FieldsSeq(text) {
		uid, what, _ := strings.Cut(row, "=")
		m := uidl.Message{Reason: uid, Row: uidl.Row{Key: uidl.Key{UID: uid}, State: uidl.Wanted, Size: 9, FirstSeen: 1}}
		if what == "had" || what == "done" {
			m.Have = uidl.PlaceOf(1)
		}
		if what == "done" {
			m.State = uidl.Delivered
		}
		if what == "open" || what == "had" {
			c.Stage = append(c.Stage, uidl.Delivery{Key: m.Key, Destination: "d", State: uidl.Staged, Ticket: uid, At: 1})
		}
		c.Put = append(c.Put, m)
	}
	r.must(p.desk.Settler.L.Commit(context.Background(), c))
}

// called is what each row is called now, in the order of what they are of: "-" is a key that no server gives.
func (r *rig) called(p *pass) string {
	r.t.Helper()
	var all []string
	var keys []uidl.Key
	for row, err := range p.desk.Settler.L.Messages(r.t.Context()) {
		r.must(err)
		keys = append(keys, row.Key)
	}
	rows, err := p.desk.Settler.L.Find(r.t.Context(), keys)
	r.must(err)
	pending, err := p.desk.Settler.L.Pending(r.t.Context())
	r.must(err)
	for _, m := range rows {
		name := m.UID
		if strings.HasPrefix(name, plan.FormerName) {
			name = "-"
		}
		if (name == "-") != (m.GoneAt != 0) {
			r.t.Errorf("%s, called %s: gone at %d", m.Reason, name, m.GoneAt)
		}
		for _, d := range pending {
			if d.Key == m.Key && d.Ticket != m.Reason {
				r.t.Errorf("the copy of %s is on its way as that of %s", d.Ticket, m.Reason)
			}
		}
		all = append(all, m.Reason+":"+name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestMovedKeys is the table of what becomes of messages on their way whose unique-ids were given to others ("a>"), or which
// were met under another one ("a>b").
func TestMovedKeys(t *testing.T) {
	for _, tc := range []struct{ name, rows, moves, want string }{
		{"nothing to move", "a=open b=done", "", "a:a b:b"},
		{"given away", "a=open b=open", "a>", "a:- b:b"},
		{"given away, and sent meanwhile", "a=done", "a>", "a:a"},
		{"met elsewhere", "a=open", "a>b", "a:b"},
		{"met elsewhere, and sent meanwhile", "a=done", "a>b", "a:b"},
		{"met elsewhere, and forgotten", "b=open", "a>b", "b:b"},
		{"met where another was listed meanwhile", "a=open b=fresh", "a>b", "a:b b:-"},
		{"met where another is on its way", "a=open b=open", "a>b", "a:b b:-"},
		{"which was given away, as is known", "a=open b=open", "a>b b>", "a:b b:-"},
		{"which is at a place already", "a=open b=had", "a>b", "a:a b:b"},
		{"which is delivered", "a=open b=done", "a>b", "a:a b:b"},
		{"two equal ones met as one", "a=open b=open", "a>x b>x", "a:x b:b|a:a b:x"},
		{"one after another", "a=open b=open", "a>b b>c", "a:b b:c"},
		{"one after another, the last on top", "a=open b=open c=open", "a>b b>c", "a:b b:c c:-"},
		{"one after another, the last delivered", "a=open b=open c=done", "a>b b>c", "a:b b:- c:c"},
		{"turned round", "a=open b=open c=open", "a>b b>c c>a", "a:b b:c c:a"},
		{"swapped", "a=open b=open", "a>b b>a", "a:b b:a"},
		{"to itself", "a=open", "a>a", "a:a"},
	} {
		t.Run(strings.ReplaceAll(tc.name, " ", "_"), func(t *testing.T) {
			n := 8 // a map is walked in another order each time
			if raceDetector {
				n = 1
			}
			for range n {
				r := newRig(t)
				p := r.holding()
				r.keyed(p, tc.rows)
				for move := range strings.FieldsSeq(tc.moves) {
					from, to, _ := strings.Cut(move, ">")
					p.mailbox.displace(uidl.Key{UID: from}, uidl.Key{UID: to})
				}
				r.must(p.mailbox.moveAside(t.Context()))
				if got := r.called(p); !slices.Contains(strings.Split(tc.want, "|"), got) {
					t.Fatalf("%s, moves %s: %q, want %q", tc.rows, tc.moves, got, tc.want)
				}
				if left := health.Decode(p.desk.Settler.L.Info().Facts).Displaced; len(left) > 0 || len(p.desk.Health.Displaced) > 0 {
					t.Errorf("to be moved still: %v", left)
				}
				p.desk.Settler.L.Close()
			}
		})
	}
}

// An account goes back and forth between mailboxes: what was on its way gets a key once, and another one each time the
// same unique-id is met.
func TestMovedAsideEachTime(t *testing.T) {
	r := newRig(t, message("1", "x"))
	r.acc.Mailbox = "first"
	to1 := &relay{down: errRelayDown, arrived: map[string]int{}}
	var asides []uidl.Key
	for i, box := range []string{"first", "second", "first", "second"} {
		r.acc.Mailbox = box
		m := message("1", "x")
		m.Data = []byte(strings.ReplaceAll(string(m.Data), "Message-ID: <1", fmt.Sprintf("Message-ID: <%d", i)))
		r.server.AddUser("u", "p", m)
		r.run(to("r", r.up("r", "x", to1)))
		if n := r.deliveries(); n != i+1 {
			t.Fatalf("pass %d: %d deliveries are open, want one of each mailbox", i, n)
		}
		p := r.holding()
		if found, err := p.desk.Settler.L.Find(t.Context(), asides); err != nil || len(found) != len(asides) {
			t.Errorf("pass %d: %d of %d keep the key that they got, %v", i, len(found), len(asides), err)
		}
		for row, err := range p.desk.Settler.L.Messages(t.Context()) {
			if r.must(err); strings.HasPrefix(row.UID, plan.FormerName) && !slices.Contains(asides, row.Key) {
				asides = append(asides, row.Key)
			}
		}
		p.desk.Settler.L.Close()
	}
	r.server.AddUser("u", "p")
	to1.down = nil
	r.run(to("r", r.up("r", "x", to1)))
	if to1.arrived["1"] != 4 {
		t.Errorf("arrived: %v, want four", to1.arrived)
	}
}
