package decisions

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/exit"
)

// What does not go together is refused, and what was meant is shown.
func TestGivingUpFits(t *testing.T) {
	one, two := []string{"a"}, []string{"a", "b"}
	for _, tt := range []struct {
		g     GivingUp
		saves bool
		uids  []string
		want  string
	}{
		{GivingUp{}, false, two, ""}, {GivingUp{Save: "f"}, true, one, ""}, {GivingUp{Lost: true}, false, two, ""},
		{GivingUp{Lost: true, Undo: true}, false, one, "exclude each other"}, {GivingUp{Save: "f", Undo: true}, true, one, "exclude each other"},
		{GivingUp{}, true, one, "wants a file"}, {GivingUp{Save: "f"}, true, two, "one message at a time"},
	} {
		err := tt.g.Fits(tt.saves, tt.uids)
		if tt.want == "" && err != nil || tt.want != "" && (exit.CodeOf(err) != exit.Usage || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// Nothing is asked for a place that need not have it.
func TestRequired(t *testing.T) {
	all := []Destination{{Name: "box", Required: true}, {Name: "copy"}, {Name: "rest", Required: true, Fallback: true}}
	for name, want := range map[string]string{
		"box": "", "copy": "copy is one best effort", "rest": "rest is a fallback", "x": `account work has no destination "x"; those that mail must get to are: box`,
	} {
		err := Required("work", all, name)
		if want == "" && err != nil || want != "" && (exit.CodeOf(err) != exit.Usage || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
