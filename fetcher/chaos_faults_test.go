package fetcher

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"github.com/popsync/popsync/deliver"
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
	late    int          // attempted after one that is in doubt
	current uidl.Account // while the lease is held
}

func (c *chaosLedger) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := c.Ledger.Acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	c.current = a
	return &chaosAccount{a, c}, nil
}

type chaosAccount struct {
	uidl.Account
	c *chaosLedger
}

func (a *chaosAccount) Commit(ctx context.Context, ch uidl.Change) error {
	c := a.c
	if c.hit && !nothingApplied(c.err) {
		c.late++
	}
	happens, alive := c.life.step()
	c.commits++
	var err error
	switch {
	case !happens:
		return errDead
	case c.commits == c.fault && !c.applied:
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
	return a.Account.Reading(k)
}

// The steps of a Target that may fail.
const (
	opNone = iota
	opIdentify
	opCreate
	opWrite
	opTicket
	opPrepare
	opPublish
	opFree
	opDiscard
	ops
)

// chaosTarget fails one step once, and does nothing after death.
type chaosTarget struct {
	deliver.Target
	life *life
	op   int   // the step that fails
	at   int   // the how many-th time, from 1
	n    int   // publishing: how many tickets get through before; all but the error happens if larger
	err  error // nil: it panics
	mu   sync.Mutex
	seen int
	hit  bool
}

// fails tells whether this step is the one to fail.
func (c *chaosTarget) fails(op int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op != c.op {
		return nil
	}
	if c.seen++; c.seen != c.at {
		return nil
	}
	c.hit = true
	if c.err == nil {
		panic("injected")
	}
	return c.err
}

// do is one step.
func (c *chaosTarget) do(op int, f func() error) error {
	happens, alive := c.life.step()
	if !happens {
		return errDead
	}
	err := c.fails(op)
	if err == nil {
		err = f()
	}
	if !alive {
		return errDead
	}
	return err
}

func (c *chaosTarget) Identify(ctx context.Context, remembered string) (id string, err error) {
	err = c.do(opIdentify, func() error { id, err = c.Target.Identify(ctx, remembered); return err })
	return id, err
}

func (c *chaosTarget) Create(ctx context.Context, m deliver.Message) (deliver.Staging, error) {
	var s deliver.Staging
	err := c.do(opCreate, func() (err error) { s, err = c.Target.Create(ctx, m); return err })
	if err != nil && s != nil { // died just after
		_, _ = s.Ticket()
	}
	if err != nil {
		return nil, err
	}
	return &chaosStaging{s, c}, nil
}

func (c *chaosTarget) Prepare(ctx context.Context, tickets []deliver.Ticket) error {
	return c.do(opPrepare, func() error { return c.Target.Prepare(ctx, tickets) })
}

func (c *chaosTarget) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	happens, alive := c.life.step()
	err := c.fails(opPublish)
	n := len(tickets)
	if !happens {
		n = min(n, c.n)
		err = errDead
		if c.life.left < 0 { // dead since long
			n = 0
		}
	} else if err != nil {
		n = min(n, c.n)
	}
	var errs []error
	if n > 0 && (happens || !alive && c.firstOfDeath()) {
		errs = c.Target.Publish(ctx, tickets[:n])
	}
	if !alive && err == nil {
		err = errDead
	}
	if err != nil {
		errs = errs[:0]
		for range tickets {
			errs = append(errs, err)
		}
	}
	return errs
}

// PublishBefore makes the outbox reserve messages.
func (c *chaosTarget) PublishBefore(ctx context.Context, t, _ deliver.Ticket) error {
	return c.Publish(ctx, []deliver.Ticket{t})[0]
}

// firstOfDeath is true once: in the midst of the step that the process dies in, part of it happens.
func (c *chaosTarget) firstOfDeath() bool {
	c.life.mu.Lock()
	defer c.life.mu.Unlock()
	first := c.life.left == 0
	c.life.left = -1
	return first
}

func (c *chaosTarget) Discard(tickets []deliver.Ticket) error {
	if len(tickets) == 0 {
		return nil
	}
	return c.do(opDiscard, func() error { return c.Target.Discard(tickets) })
}

func (c *chaosTarget) Free(ctx context.Context) (int64, error) {
	if err := c.fails(opFree); err != nil {
		return 0, err
	}
	return c.Target.Free(ctx)
}

func (c *chaosTarget) Clean() error {
	cl, ok := c.Target.(interface{ Clean() error })
	if happens, _ := c.life.step(); !happens || !ok {
		return nil
	}
	return cl.Clean()
}

type chaosStaging struct {
	deliver.Staging
	c *chaosTarget
}

func (s *chaosStaging) Write(b []byte) (n int, err error) {
	err = s.c.do(opWrite, func() (err error) { n, err = s.Staging.Write(b); return err })
	return n, err
}

func (s *chaosStaging) Ticket() (t deliver.Ticket, err error) {
	happens, alive := s.c.life.step()
	if !happens || !alive {
		_, _ = s.Staging.Ticket() // closes the file and leaves it, as death does
		return "", errDead
	}
	if err := s.c.fails(opTicket); err != nil {
		s.Staging.Abort()
		return "", err
	}
	return s.Staging.Ticket()
}

func (s *chaosStaging) Abort() {
	if happens, alive := s.c.life.step(); !happens || !alive {
		_, _ = s.Staging.Ticket()
		return
	}
	s.Staging.Abort()
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
