package fetcher

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"github.com/popsync/popsync/pop3/pop3test/fault"
	"github.com/popsync/popsync/uidl"
)

// errDead is what a process sees of the world after its death: nothing that it does has an effect any more.
var errDead = errors.New("dead")

// life ends at its n-th effect on the world, just before or just after it. What follows has no effect, so that what is
// on disk then is what a kill would have left.
type life struct {
	mu    sync.Mutex
	left  int  // effects until death; 0: immortal
	after bool // the last one still happens
	dead  bool
	end   func() // called once
}

// step tells whether the next effect happens, and whether the process lives to see it.
func (l *life) step() (happens, alive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false, false
	}
	if l.left == 0 {
		return true, true
	}
	if l.left--; l.left > 0 {
		return true, true
	}
	l.dead = true
	l.end()
	return l.after, false
}

func (l *life) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// chaosLedger fails one commit, and none after death.
type chaosLedger struct {
	uidl.Ledger
	life    *life
	fault   int   // which commit fails; 0: none
	applied bool  // it was applied all the same
	err     error // what it returns
	commits int   // attempted; one goroutine at a time commits
	hit     bool
	late    int           // attempted after one that is in doubt
	lost    chan struct{} // closed when the fault took the lease
	current uidl.Account  // while the lease is held
	left    *snap         // what the pass leaves
	snapped error

	panics   int  // the message before whose body popsync panics; 0: none
	nameless bool // messages have no unique-ids: what is noted of them says nothing
	bodies   int
}

func (c *chaosLedger) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := c.Ledger.Acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	c.current, c.lost = a, make(chan struct{})
	return &chaosAccount{a, c}, nil
}

type chaosAccount struct {
	uidl.Account
	c *chaosLedger
}

func (a *chaosAccount) Lost() <-chan struct{} { return a.c.lost }

func (a *chaosAccount) Commit(ctx context.Context, ch uidl.Change) error {
	c := a.c
	if c.hit && !nothingApplied(c.err) {
		c.late++
	}
	happens, alive := c.life.step()
	c.commits++
	var err error
	takes := errors.Is(c.err, uidl.ErrLeaseLost) || errors.Is(c.err, uidl.ErrDoubt)
	switch {
	case !happens:
		return errDead
	case c.hit && takes:
		return uidl.ErrLeaseLost
	case c.commits == c.fault && takes:
		defer close(c.lost)
	}
	if c.commits == c.fault && !c.applied {
		c.hit = true
		return c.err
	}
	if err = a.Account.Commit(ctx, ch); err == nil && c.commits == c.fault {
		c.hit, err = true, c.err
	}
	if !alive {
		return errDead
	}
	return err
}

func nothingApplied(err error) bool {
	return errors.Is(err, uidl.ErrLocked) || errors.Is(err, uidl.ErrLeaseLost)
}

func (a *chaosAccount) Reading(k uidl.Key) error {
	if happens, _ := a.c.life.step(); !happens {
		return errDead
	}
	err := a.Account.Reading(k)
	if c := a.c; err == nil && (k != uidl.Key{} || c.nameless) {
		if c.bodies++; c.bodies == c.panics {
			panic("injected")
		}
	}
	return err
}

// reset is a client's connection that ends with a reset instead of an orderly close.
type reset struct{ net.Conn }

func (r reset) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if err != nil && n == 0 && err.Error() == "EOF" {
		err = &net.OpError{Op: "read", Net: "pipe", Err: syscall.ECONNRESET}
	}
	return n, err
}

// cut makes the k-th connection of a pass follow a plan.
func cut(k int, p fault.Plan) func(net.Conn) net.Conn {
	return fault.Each(func(n int) fault.Plan {
		if n == k {
			return p
		}
		return fault.Plan{Chunk: p.Chunk}
	})
}
