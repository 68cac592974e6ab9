package passes

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/control"
)

// Where the daemon cannot make the passes, they are made here: all of them, or none is lost.
func TestLeftByTheDaemon(t *testing.T) {
	all := []string{"a", "b"}
	st := control.Status{Accounts: []control.Account{{Account: "a"}}}
	for name, tt := range map[string]struct {
		err      error
		here     []string
		traced   bool
		resident bool
	}{
		"there is none":                  {err: control.ErrNoDaemon},
		"it does not answer":             {err: errors.New("timeout"), resident: true},
		"a transcript is wanted":         {traced: true, resident: true},
		"it would ask, or does not know": {here: []string{"a"}, resident: true},
	} {
		d := Resident{
			Find:   func(context.Context) (*control.Client, control.Status, error) { return nil, st, tt.err },
			Traced: tt.traced, Here: tt.here, Log: zap.NewNop(),
		}
		done, left, resident := d.Run(t.Context(), all)
		if len(done) > 0 || !slices.Equal(left, all) || resident != tt.resident {
			t.Errorf("%s: %v, %q, %v", name, done, left, resident)
		}
	}
}
