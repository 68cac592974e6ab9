package recognise

import (
	"testing"

	"github.com/popsync/popsync/fetcher/desk/desktest"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// newRecogniser is one in a session that lists the box.
func newRecogniser(t *testing.T, o pop3test.Options, box ...pop3test.Message) (*Recogniser, *desktest.Table) {
	t.Helper()
	w := desktest.New(t, o, box...)
	w.Desk.Account.Policy.Delete = plan.DeleteAfterDelivery
	w.Desk.Settler.Set = facts.NewSet(nil, 0)
	return New(w.Desk, w.On, &headers.Tops{Desk: w.Desk, On: w.On}, &Mailbox{Desk: w.Desk}), w
}

func header(m pop3test.Message) uidl.Fingerprint {
	var fp uidl.Fingerprinter
	fp.Reset()
	_, _ = fp.Write(m.Data)
	return fp.Sum()
}

// deliver enters a message as delivered, with this header and content.
func deliver(t *testing.T, w *desktest.Table, k uidl.Key, size int64, fp uidl.Fingerprint, sum [32]byte) uidl.Row {
	t.Helper()
	m := uidl.Message{Row: uidl.Row{Key: k, State: uidl.Delivered, Size: size, FirstSeen: 1}}
	m.Fingerprint, m.SHA256 = fp, sum
	must(t, w.Lease.Account.Commit(t.Context(), uidl.Change{Put: []uidl.Message{m}}))
	return m.Row
}

// TestGuard is the delete guard: what is due is deleted only as the message that was delivered.
func TestGuard(t *testing.T) {
	one, other := desktest.Message("x", "one"), desktest.Message("y", "other")
	sum := [32]byte{1}
	for name, c := range map[string]struct {
		header       uidl.Fingerprint // of what was delivered
		sum          [32]byte
		noTOP        bool
		undeleted    bool // the server said before that it is deleted
		due, fetched bool
		compare      bool
	}{
		"the same":                             {header: header(one), sum: sum, due: true},
		"another one":                          {header: header(other), sum: sum, fetched: true},
		"no TOP":                               {header: header(one), sum: sum, noTOP: true, due: true},
		"no TOP, nothing but its unique-id":    {noTOP: true},
		"nothing but its unique-id":            {},
		"the same, deleted before":             {header: header(one), sum: sum, undeleted: true, due: true},
		"no TOP, deleted before":               {header: header(one), sum: sum, noTOP: true, undeleted: true, fetched: true, compare: true},
		"another one, where one was deleted":   {header: header(other), sum: sum, undeleted: true, fetched: true},
		"no header of it, and it is not asked": {sum: sum, due: true},
	} {
		g, w := newRecogniser(t, pop3test.Options{NoTOP: c.noTOP}, one)
		e := w.Entry(0)
		k := plan.KnownStep{Entry: e, Row: deliver(t, w, e.Key, e.Size, c.header, c.sum), Copies: 1, Then: plan.Remove}
		if c.undeleted {
			k.Row.State, k.Reason = uidl.DeleteSent, plan.ReasonUndeleted
		}
		w.On.Plan.Due = []plan.KnownStep{k}
		if err := g.Recognise(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		pl := w.On.Plan
		if len(pl.Due) == 1 != c.due || len(pl.Fetch) == 1 != c.fetched || c.fetched && pl.Fetch[0].Compare != c.compare {
			t.Errorf("%s: due %+v, to be fetched %+v", name, pl.Due, pl.Fetch)
		}
		if !c.due && !c.fetched && pl.Kept != 1 {
			t.Errorf("%s: %d kept", name, pl.Kept)
		}
	}
}

// Messages with one unique-id go all together, and only if their headers are those that were delivered.
func TestGuardShared(t *testing.T) {
	a, b, c := desktest.Message("a", "1"), desktest.Message("b", "2"), desktest.Message("c", "3")
	for name, tc := range map[string]struct {
		listed    [2]pop3test.Message
		due, read int
	}{
		"as delivered":   {[2]pop3test.Message{a, b}, 2, 0},
		"changed round":  {[2]pop3test.Message{b, a}, 2, 0},
		"one is new":     {[2]pop3test.Message{a, c}, 0, 1},
		"twice the same": {[2]pop3test.Message{a, a}, 0, 1},
	} {
		for i := range tc.listed {
			tc.listed[i].UID = "x"
		}
		g, w := newRecogniser(t, pop3test.Options{}, tc.listed[:]...)
		for i, m := range []pop3test.Message{a, b} {
			e := w.Entry(i)
			e.Key.Dup = i
			row := deliver(t, w, e.Key, e.Size, header(m), [32]byte{byte(i + 1)})
			w.On.Plan.Due = append(w.On.Plan.Due, plan.KnownStep{Entry: e, Row: row, Copies: 2, Shared: true})
		}
		if err := g.Recognise(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(w.On.Plan.Due) != tc.due || len(w.On.Plan.Fetch) != tc.read {
			t.Errorf("%s: due %+v, to be fetched %+v", name, w.On.Plan.Due, w.On.Plan.Fetch)
		}
	}
}

// What was read is the message of a row by its content, or by a header that says enough.
func TestIsLike(t *testing.T) {
	fp, sum, none := uidl.Fingerprint{1}, [32]byte{1}, [32]byte{}
	for name, c := range map[string]struct {
		row  uidl.Message
		read settle.Received
		want bool
	}{
		"content":                     {uidl.Message{SHA256: sum}, settle.Received{Msg: uidl.Message{SHA256: sum}}, true},
		"content as it was sent":      {uidl.Message{SHA256: sum}, settle.Received{Whole: sum}, true},
		"strong header":               {uidl.Message{SHA256: sum, Fingerprint: fp}, settle.Received{Strong: true, Msg: uidl.Message{Fingerprint: fp}}, true},
		"weak header":                 {uidl.Message{SHA256: sum, Fingerprint: fp}, settle.Received{Msg: uidl.Message{Fingerprint: fp}}, false},
		"nothing is known, and empty": {uidl.Message{SHA256: none}, settle.Received{}, false},
	} {
		g, _ := newRecogniser(t, pop3test.Options{})
		if got := g.IsLike(&c.row, &c.read); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Each message that left is recognised once: of equal headers the closest size, and none that is too far off.
func TestFormers(t *testing.T) {
	fp := uidl.Fingerprint{1}
	row := func(uid string, size, octets int64) *uidl.Message {
		m := &uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: uid}, Size: size}}
		m.Octets = octets
		return m
	}
	f := &formers{taken: map[uidl.Key]bool{}, byHeader: map[uidl.Fingerprint][]*uidl.Message{fp: {row("a", 1000, 0), row("b", 90_000, 0), row("c", 50_000, 95_000)}}}
	for _, c := range []struct {
		size int64
		want string
	}{{94_000, "c"}, {94_000, "b"}, {94_000, ""}, {5300, ""}, {5000, "a"}, {1000, ""}} {
		got := ""
		if m := f.byHeaderOf(fp, c.size); m != nil {
			got = m.UID
		}
		if got != c.want {
			t.Errorf("%d octets: %q, want %q", c.size, got, c.want)
		}
	}
	if f.byHeaderOf(uidl.Fingerprint{2}, 1000) != nil {
		t.Error("by another header")
	}
}
