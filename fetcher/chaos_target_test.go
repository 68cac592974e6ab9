package fetcher

import (
	"context"
	"errors"
	"sync"

	"github.com/popsync/popsync/deliver"
)

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
	down bool // nothing can be published
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
	if c.down && err == nil {
		err = &deliver.Error{Op: "send", Place: "here", Scope: deliver.WholeTarget, Err: errors.New("down")}
	}
	n := len(tickets)
	if !happens {
		n = min(n, c.n)
		err = errDead
		if c.life.left < 0 { // dead since long
			n = 0
		}
	} else if isUntouched(err) {
		n = 0 // whatever a death, which shares c.n, was to leave
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
