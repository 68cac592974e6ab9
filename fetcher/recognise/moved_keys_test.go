package recognise

import (
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/desk/desktest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

func must(t *testing.T, err error) {
	if t.Helper(); err != nil {
		t.Fatal(err)
	}
}

// keyed makes rows: "open" ones have a copy on its way, "fresh" ones were listed and never retrieved, "had" ones are at
// another place and have a copy on its way besides, "done" ones are delivered. The reason tells what a row is of.
func keyed(t *testing.T, l uidl.Account, text string) {
	t.Helper()
	c := uidl.Change{At: 1_700_000_000, Destinations: []uidl.Destination{{Name: "d", Role: uidl.Required}, {Ordinal: 1, Name: "e", Role: uidl.Required}}}
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
	must(t, l.Commit(t.Context(), c))
}

// called is what each row is called now, in the order of what they are of: "-" is a key that no server gives.
func called(t *testing.T, l uidl.Account) string {
	t.Helper()
	var all []string
	var keys []uidl.Key
	for row, err := range l.Messages(t.Context()) {
		must(t, err)
		keys = append(keys, row.Key)
	}
	rows, err := l.Find(t.Context(), keys)
	must(t, err)
	pending, err := l.Pending(t.Context())
	must(t, err)
	for _, m := range rows {
		name := m.UID
		if strings.HasPrefix(name, plan.FormerName) {
			name = "-"
		}
		if (name == "-") != (m.GoneAt != 0) {
			t.Errorf("%s, called %s: gone at %d", m.Reason, name, m.GoneAt)
		}
		for _, d := range pending {
			if d.Key == m.Key && d.Ticket != m.Reason {
				t.Errorf("the copy of %s is on its way as that of %s", d.Ticket, m.Reason)
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
			for range 8 { // a map is walked in another order each time
				w := desktest.New(t, pop3test.Options{})
				l := w.Lease
				b := &Mailbox{Desk: w.Desk}
				keyed(t, l, tc.rows)
				for move := range strings.FieldsSeq(tc.moves) {
					from, to, _ := strings.Cut(move, ">")
					b.Displace(uidl.Key{UID: from}, uidl.Key{UID: to})
				}
				must(t, b.MoveAside(t.Context()))
				if got := called(t, l); !slices.Contains(strings.Split(tc.want, "|"), got) {
					t.Fatalf("%s, moves %s: %q, want %q", tc.rows, tc.moves, got, tc.want)
				}
				if left := health.Decode(l.Info().Facts).Displaced; len(left) > 0 || len(w.Desk.Health.Displaced) > 0 {
					t.Errorf("to be moved still: %v", left)
				}
			}
		})
	}
}
