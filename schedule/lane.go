package schedule

import (
	"context"
	"sync/atomic"
	"time"
)

// A run that gets on too slowly, or takes long, must not keep others waiting. Once others wait for a place it gives its own
// away and goes on in the slow lane, which has a quarter as many places, and at least one: so one and a quarter times as many
// as Parallel run at once, at most. Where the slow lane is full, the run is ended (ErrMoved) and made again in its turn. Where
// it ended tells where the next one begins: see Result.Brisk. What is in the slow lane is not hurried.

// ErrMoved is the cause with which the context of a run ends that has to give its place away while the slow lane is full. It
// has a method Yield() bool that returns true, for those who must not know this package.
var ErrMoved error = movedError{}

type movedError struct{}

func (movedError) Error() string { return "it gave its place to others that wait" }
func (movedError) Yield() bool   { return true }

// defaultSlowAfter is for Options.SlowAfter.
const defaultSlowAfter = 10 * time.Minute

// slowPlaces is how many places the slow lane has beside so many others.
func slowPlaces(parallel int) int { return max(parallel/4, 1) }

// Slow tells whether a run is in the slow lane by now. ctx is the one that it was given, or one made of that.
func Slow(ctx context.Context) bool {
	p, ok := ctx.Value(placeKey{}).(*place)
	return ok && p.slow.Load()
}

type placeKey struct{}

// place is where something runs. All but slow is guarded by whoever gives the places.
type place struct {
	began  time.Time
	slow   atomic.Bool
	moved  bool // told to end: the slow lane was full
	slowly func() bool
	cancel context.CancelCauseFunc
}

// take makes the context of a run in a place. p.cancel must be called when it is over.
func (p *place) take(ctx context.Context, slow bool, slowly func() bool) context.Context {
	p.began, p.slowly = time.Now(), slowly
	p.slow.Store(slow)
	ctx = context.WithValue(ctx, placeKey{}, p)
	ctx, p.cancel = context.WithCancelCause(ctx)
	return ctx
}

// overdue tells that a run has to give its place away if others wait: after so long, or after a quarter of it if it is slow.
func (p *place) overdue(after time.Duration) bool {
	if p.moved || p.slow.Load() {
		return false
	}
	took := time.Since(p.began)
	return took >= after || took >= after/4 && p.slowly != nil && p.slowly()
}

// end tells a run to end.
func (p *place) end() {
	p.moved = true
	p.cancel(ErrMoved)
}

// glance is how often those that run are looked at while others wait.
func glance(after, look time.Duration) time.Duration {
	return min(max(after/8, 10*time.Millisecond), look)
}
