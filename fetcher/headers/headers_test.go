package headers

import (
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/desk/desktest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

func newTops(t *testing.T, o pop3test.Options, box ...pop3test.Message) (*Tops, *desktest.Table) {
	w := desktest.New(t, o, box...)
	return &Tops{Desk: w.Desk, On: w.On}, w
}

func box(n int) (all []pop3test.Message) {
	for i := range n {
		all = append(all, desktest.Message(string(rune('a'+i)), "body"))
	}
	return all
}

// Each message gets the fingerprint of its own header, one at a time and in a flight.
func TestFingerprints(t *testing.T) {
	for _, slow := range []bool{false, true} {
		all := box(5)
		h, _ := newTops(t, pop3test.Options{NoPipelining: slow}, all...)
		got, err := h.Fingerprints(t.Context(), []int{1, 2, 3, 4, 5})
		if err != nil || len(got) != 5 {
			t.Fatalf("%v, %v", got, err)
		}
		for i, m := range all {
			var fp uidl.Fingerprinter
			fp.Reset()
			_, _ = fp.Write(m.Data)
			if got[i+1] != fp.Sum() {
				t.Errorf("pipelining %v: message %d has another header", !slow, i+1)
			}
		}
	}
}

// A server without TOP is asked a few times, and nothing can be had.
func TestNoTOP(t *testing.T) {
	h, w := newTops(t, pop3test.Options{NoTOP: true, NoPipelining: true}, box(8)...)
	got, err := h.Fingerprints(t.Context(), []int{1, 2, 3, 4, 5, 6, 7, 8})
	if n := w.Server.Stats().Commands["TOP"]; err != nil || len(got) != 0 || n > server.MaxRefusedTops || !w.On.Steps.NoTop {
		t.Errorf("%v, %v after %d TOP", got, err, n)
	}
}

// Messages without a unique-id go by their headers: equal headers are one name, and others keep theirs.
func TestName(t *testing.T) {
	all := box(3)
	all = append(all, all[0]) // the same header
	h, w := newTops(t, pop3test.Options{NoUIDL: true}, all...)
	list, complete, err := h.Name(t.Context(), w.On.List.(*pop3.Listing), &plan.Rows{})
	if err != nil || !complete || list.Len() != 4 {
		t.Fatalf("%v, complete %v", err, complete)
	}
	var names []string
	for i := range list.Len() {
		e := list.At(i)
		if !e.HasUID || !strings.HasPrefix(e.UID, plan.HeaderName) {
			t.Errorf("message %d is called %q", e.Num, e.UID)
		}
		names = append(names, e.UID)
	}
	if names[0] != names[3] || names[0] == names[1] || names[1] == names[2] {
		t.Errorf("names: %q", names)
	}
	h, w = newTops(t, pop3test.Options{}, all[:3]...)
	if list, _, err = h.Name(t.Context(), w.On.List.(*pop3.Listing), &plan.Rows{}); err != nil || list.At(0).UID != "a" || w.Server.Stats().Commands["TOP"] != 0 {
		t.Errorf("with unique-ids: %v, %v", list.At(0), err)
	}
}

// Under other names known mail would look new: while TOP rests, nothing is named.
func TestNameRests(t *testing.T) {
	h, w := newTops(t, pop3test.Options{NoUIDL: true}, box(2)...)
	w.Desk.Health.Stumbles.Steps = map[string]*health.StepState{"TOP": {Times: 1, Until: w.Clock.Unix() + 100}}
	if _, _, err := h.Name(t.Context(), w.On.List.(*pop3.Listing), &plan.Rows{}); err != errNamesRest || w.Server.Stats().Commands["TOP"] != 0 {
		t.Errorf("%v after %d TOP", err, w.Server.Stats().Commands["TOP"])
	}
}

// The header of a message that broke a session is not asked for with the others.
func TestSpareTops(t *testing.T) {
	h, w := newTops(t, pop3test.Options{}, box(3)...)
	if asked, left := h.SpareTops([]int{1, 2, 3}); len(asked) != 3 || len(left) != 0 {
		t.Errorf("without a mark: %v, %v", asked, left)
	}
	w.Desk.Health.Stumbles.Blame(uidl.Key{UID: "b"}, "TOP", "broke", w.Clock)
	asked, left := h.SpareTops([]int{1, 2, 3})
	if !slices.Equal(asked, []int{1, 3}) || !slices.Equal(left, []int{2}) {
		t.Errorf("asked for %v, left %v", asked, left)
	}
	got, err := h.Fingerprints(t.Context(), []int{1, 2, 3})
	if err != nil || got[1] == (uidl.Fingerprint{}) || got[2] != (uidl.Fingerprint{}) || w.Server.Stats().Commands["TOP"] != 2 {
		t.Errorf("%v, %v", got, err)
	}
}
