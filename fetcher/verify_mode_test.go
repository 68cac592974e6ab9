package fetcher

import (
	"fmt"
	"testing"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

func TestVerifyModeKeepsFacts(t *testing.T) {
	was := health.Facts{NoPipeliningUntil: 77}
	got := health.Decode(health.VerifyMode(was.Encode()))
	if !got.Verify || got.NoPipeliningUntil != 77 {
		t.Errorf("%+v", got)
	}
	for stored, want := range map[string]bool{"": false, "nonsense": false, "{}": false, string(was.Encode()): false,
		string(health.VerifyMode(nil)): true, string(health.VerifyMode([]byte("nonsense"))): true} {
		if health.InVerifyMode([]byte(stored)) != want {
			t.Errorf("%q: %v", stored, !want)
		}
	}
}

func TestRowsHas(t *testing.T) {
	r := &plan.Rows{}
	if _, ok := r.Find(uidl.Key{UID: "a"}); ok {
		t.Error("there are none")
	}
	for i := range 50 {
		for dup := range 1 + i%2 {
			r.Add(uidl.Row{Key: uidl.Key{UID: fmt.Sprintf("%02d", 2*i), Dup: dup}})
		}
	}
	for i := range 101 {
		for dup := range 3 {
			want := i < 100 && i%2 == 0 && dup < 1+i/2%2
			if at, got := r.Find(uidl.Key{UID: fmt.Sprintf("%02d", i), Dup: dup}); got != want || got && r.Row(at).Dup != dup {
				t.Errorf("%02d/%d: %v", i, dup, got)
			}
		}
	}
}
