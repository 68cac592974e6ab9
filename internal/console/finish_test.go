package console

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/popsync/popsync/internal/exit"
)

// What ended a command is said once, a stop is called so, and wrong usage names the help.
func TestFinish(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{t.Context(), nil, exit.OK, ""},
		{t.Context(), exit.With(exit.Login, exit.ErrReported), exit.Login, ""},
		{t.Context(), exit.With(exit.Config, errors.New("no")), exit.Config, "popsync: no\n"},
		{t.Context(), exit.With(exit.Usage, errors.New("no")), exit.Usage, "popsync: no\nSee 'popsync x --help'.\n"},
		{over, exit.With(exit.Config, context.Canceled), exit.Temp, "popsync: stopped\n"},
		{over, exit.With(exit.Config, errors.New("no")), exit.Config, "popsync: no\n"},
	} {
		var out bytes.Buffer
		c := &Console{Err: &out}
		if code := c.Finish(tt.ctx, tt.err, "popsync x"); code != tt.code || out.String() != tt.want {
			t.Errorf("%v: %d, %q", tt.err, code, out.String())
		}
	}
}
