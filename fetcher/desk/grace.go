package desk

import (
	"context"
	"errors"
	"time"
)

// ErrPassTime is the cause with which the work of a pass ends that lasted as long as a pass may.
var ErrPassTime = errors.New("the pass took as long as a pass may take")

// Grace is a context that ends some time after ctx: what was received completely is better settled than fetched again.
func Grace(ctx context.Context, most time.Duration) (context.Context, func()) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(most, cancel) })
	return late, func() { stop(); cancel() }
}
