package settle

import (
	"context"
	"errors"
	"reflect"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Change builds and commits one change. Nobody else builds one meanwhile: p.open is what the ledger will have after the
// commit, so the one who settles a message's last delivery is the one who marks it delivered, in the same commit.
func (p *Settler) Change(ctx context.Context, build func(*uidl.Change)) error {
	p.Committing.Lock()
	defer p.Committing.Unlock()
	if p.Doubt != nil {
		return p.Doubt
	}
	c := uidl.Change{At: p.now().Unix()}
	build(&c)
	return p.Apply(ctx, c)
}

// Commit applies a change together with what was carried for it.
func (p *Settler) Commit(ctx context.Context, c uidl.Change) error {
	return p.Change(ctx, func(to *uidl.Change) {
		if c.At == 0 {
			c.At = to.At
		}
		*to = c
	})
}

// Apply commits; p.committing is held. It cannot be cancelled: a commit that was cut short would be in doubt. After one
// that is in doubt there is no other.
func (p *Settler) Apply(ctx context.Context, c uidl.Change) error {
	p.carrying.Lock()
	c, p.Carry = Merge(p.Carry, c), uidl.Change{}
	p.carrying.Unlock()
	if p.DryRun { // it decides as a run does, and writes nothing
		return nil
	}
	err := p.L.Commit(context.WithoutCancel(ctx), c)
	switch {
	case err == nil:
		return nil
	case Unapplied(err):
		p.Doubt = err // p.open is not what the ledger has
	default:
		p.Doubt = &CommitError{err}
	}
	p.Halted.Store(true)
	return p.Doubt
}

// CommitError is a commit that failed and is in doubt: the pass is over, and the process must stop unless it is uidl.ErrDoubt.
type CommitError struct{ Err error }

func (e *CommitError) Error() string { return "ledger commit in doubt: " + e.Err.Error() }

func (e *CommitError) Unwrap() error { return e.Err }

func (e *CommitError) Judge(v verdict.Verdict) verdict.Verdict {
	if v.Stop || errors.Is(e.Err, uidl.ErrDoubt) { // the ledger itself said what that means
		return v
	}
	v.Class, v.Stop, v.Hint = verdict.Internal, true, verdict.UnwrittenHint
	return v
}

// Unapplied tells that a commit failed and that nothing of it was applied, for certain.
func Unapplied(err error) bool {
	return errors.Is(err, uidl.ErrLocked) || errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrFull)
}

// Later adds to what the next commit writes.
func (p *Settler) Later(f func(*uidl.Change)) {
	p.carrying.Lock()
	defer p.carrying.Unlock()
	f(&p.Carry)
}

// Merge puts a before b.
func Merge(a, b uidl.Change) uidl.Change {
	b.At = max(a.At, b.At)
	b.Lift = max(a.Lift, b.Lift)
	b.Generation = max(a.Generation, b.Generation)
	b.Fold = join(a.Fold, b.Fold)
	b.Vouch = a.Vouch || b.Vouch
	b.Release = a.Release || b.Release
	b.Move = join(a.Move, b.Move)
	b.Remove = join(a.Remove, b.Remove)
	b.Listed = a.Listed || b.Listed
	b.Destinations = append(a.Destinations, b.Destinations...)
	b.Put = join(a.Put, b.Put)
	b.Renew = join(a.Renew, b.Renew)
	b.Mark = join(a.Mark, b.Mark)
	b.Gone = join(a.Gone, b.Gone)
	b.Back = join(a.Back, b.Back)
	b.Stage = join(a.Stage, b.Stage)
	b.Settle = join(a.Settle, b.Settle)
	b.Purge = a.Purge || b.Purge
	if b.Status == nil {
		b.Status = a.Status
	}
	return b
}

// join is a followed by b; as a rule nothing was carried, and b is large.
func join[T any](a, b []T) []T {
	if len(a) == 0 {
		return b
	}
	return append(a, b...)
}

// Carries tells whether something waits for the next commit.
func (p *Settler) Carries() bool {
	p.carrying.Lock()
	defer p.carrying.Unlock()
	return !reflect.ValueOf(p.Carry).IsZero()
}
