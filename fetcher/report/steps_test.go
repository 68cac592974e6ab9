package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/popsync/popsync/pop3"
)

// hundred is a listing of every second number.
type hundred struct{}

func (hundred) Len() int { return 100 }
func (hundred) At(i int) pop3.Entry {
	return pop3.Entry{Num: 2*i + 1, Size: int64(i), UID: fmt.Sprintf("u\"%d", i), HasUID: true}
}

func TestSteps(t *testing.T) {
	s := NewSteps(hundred{}, 3)
	s.Add("fetch", 199, "new")
	s.Add("verify", 5, "doubt")
	s.Add("delete", 5, "due")
	s.Add("skip", 1, "limit")
	s.Sort()
	s.Turn(0, "hold", "flood")
	s.Know(map[int]Inside{5: {Subject: "s"}})
	want := []Step{{"hold", 1, `u"0`, 0, "flood", "", "", ""}, {"verify", 5, `u"2`, 2, "doubt", "", "", "s"}, {"delete", 5, `u"2`, 2, "due", "", "", "s"},
		{"fetch", 199, `u"99`, 99, "new", "", "", ""}}
	if got := slices.Collect(s.All()); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// In parts or whole, the document is the same.
func TestJSONInParts(t *testing.T) {
	for n := range 4 {
		r := Report{Account: `"steps":[{"action":"fetch"`, Notes: []string{`"steps":[`}, Held: 3, Steps: NewSteps(hundred{}, n)}
		for i := range n {
			r.Steps.Add("fetch", 2*i+1, "new")
		}
		var got []byte
		parts := 0
		for part, err := range r.JSON() {
			if err != nil {
				t.Fatal(err)
			}
			got, parts = append(got, part...), parts+1
		}
		want, err := json.Marshal(r)
		if err != nil || string(got) != string(want) || n > 1 && parts != n+1 {
			t.Errorf("%d steps: %s\nnot %s, %v", n, got, want, err)
		}
		var list struct{ Steps []Step }
		if err := json.Unmarshal(want, &list); err != nil || !slices.Equal(list.Steps, slices.Collect(r.Steps.All())) {
			t.Errorf("%+v, %v", list, err)
		}
		var back Report
		if err := json.Unmarshal(want, &back); err != nil || back.Held != 3 {
			t.Errorf("%+v, %v", back, err)
		}
	}
}
