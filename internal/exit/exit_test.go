package exit

import (
	"errors"
	"fmt"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/nextstep"
)

// Each class has its code, and what nobody knows is temporary.
func TestCodes(t *testing.T) {
	for class, want := range map[verdict.Class]int{
		verdict.OK: 0, verdict.Login: 77, verdict.Config: 78, verdict.Internal: 70, verdict.Temporary: 75, "new": 75,
	} {
		if got := Of(class); got != want {
			t.Errorf("%q ends with %d, want %d", class, got, want)
		}
	}
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, OK}, {errors.New("unknown flag"), Usage}, {fmt.Errorf("work: %w", Errorf(Temp, "busy")), Temp},
		{Judged(nextstep.With(errors.New("no Maildir"), "make one")), Config}, {Judged(errors.New("odd")), Temp},
	} {
		if got := CodeOf(tt.err); got != tt.want {
			t.Errorf("%v ends with %d, want %d", tt.err, got, tt.want)
		}
	}
}

// The next step stands apart from the text. What was made printable stays as it is, in lines; all else is one line.
func TestApart(t *testing.T) {
	for _, tt := range []struct {
		err        error
		text, hint string
	}{
		{With(Config, nextstep.With(errors.New("no Maildir"), "make one")), "no Maildir", "make one"},
		{With(Internal, errors.New("it is damaged. Next step: popsync verify")), "it is damaged.", "popsync verify"},
		{With(Config, nextstep.With(&Error{Code: Config, Err: errors.New("a\nb"), Raw: true}, "correct it")), "a\nb", "correct it"},
		{With(Config, errors.New("a\x1bb")), `a\x1bb`, ""},
	} {
		if text, hint := Apart(tt.err); text != tt.text || hint != tt.hint {
			t.Errorf("%q, %q, want %q, %q", text, hint, tt.text, tt.hint)
		}
	}
}
