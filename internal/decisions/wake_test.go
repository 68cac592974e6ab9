package decisions

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/uidl"
)

// The end of a short pass is waited for, that of a long one is not, and neither is anything else.
func TestAfterPass(t *testing.T) {
	other := errors.New("other")
	for _, tc := range []struct {
		pass time.Duration // how long it runs
		then error
		want error
		took time.Duration
	}{
		{0, nil, nil, 0},
		{0, other, other, 0},
		{2 * time.Second, nil, nil, 2 * time.Second},
		{time.Hour, nil, uidl.ErrBusy, passPatience},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			err := afterPass(t.Context(), func() error {
				if time.Since(start) < tc.pass {
					return fmt.Errorf("acquire: %w", uidl.ErrBusy)
				}
				return tc.then
			})
			if took := time.Since(start); !errors.Is(err, tc.want) || took < tc.took || took > tc.took+200*time.Millisecond {
				t.Errorf("%+v: %v after %v", tc, err, took)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := afterPass(ctx, func() error { return uidl.ErrBusy }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
