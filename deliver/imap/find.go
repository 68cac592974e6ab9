package imap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/deliver"
)

// errUnsure means that nothing can tell whether a message is there.
var errUnsure = deliver.ErrInferred

const (
	// calmTime is for how long nothing may have come before what is not there counts as that. A server may still be at work on what it
	// got before the connection broke, or before we were killed: on a whole window.
	calmTime = 3 * time.Second
	maxStirs = 10 // looks after which it counts as that although more has come: that is other mail
)

// find looks for a message that may be there. All that are in doubt are looked for at once.
func (s *Sender) find(ctx context.Context, c *session, t *task) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rec
	switch _, taken := r.taken[t.id]; {
	case taken:
		return true, nil
	case r.old[t.id]:
		return false, fmt.Errorf("%w: %w", errUnsure, errValidity)
	case r.broke >= maxBroke:
		return false, fmt.Errorf("%w: %w", errUnsure, errBroke)
	case r.large:
		return false, fmt.Errorf("%w: %w", errUnsure, errTooMany)
	}
	var (
		uid    uint32
		unsure bool
		err    error
	)
	look := func() error {
		x, err := c.look(r, maxForeign+r.open())
		if err == nil {
			x.made, s.index = s.doubts, x
		}
		return err
	}
	lied := false
	for stirs := 0; ; stirs++ {
		if s.index == nil || s.index.made != s.doubts {
			if err = look(); err != nil {
				break
			}
		}
		if !lied && s.index.lied(r) {
			lied = true
			r.distrust()
			if err := r.save(); err != nil {
				return false, &recordError{err}
			}
			s.index = nil
			continue
		}
		uid, unsure, err = s.index.find(c, r, t)
		if err != nil || uid != 0 || s.index.calm {
			break
		}
		if err = c.leave(); err != nil {
			break
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(s.o.calm):
		}
		was := s.index
		if err = look(); err != nil {
			break
		}
		s.index.calm = s.index.last <= was.last || stirs >= maxStirs
	}
	switch {
	case errors.Is(err, errValidity):
		return false, err
	case err != nil && failedForGood(err):
		r.unprove()
		return false, fmt.Errorf("%w: %w", errUnsure, err)
	case err != nil:
		if errors.As(err, new(*replyError)) { // for now; looking may be proved again
			r.unprove()
			s.tested = false
		}
		r.broke++
		_ = r.add(fmt.Sprintf("l %d", r.broke), false)
		return false, err
	}
	if r.broke > 0 {
		r.broke = 0
		_ = r.add("l 0", false)
	}
	switch {
	case unsure:
		return false, fmt.Errorf("%w: %w", errUnsure, errRewritten)
	case uid == 0:
		return false, nil
	}
	if err := r.take(t.id, uid, t.key); err != nil {
		return false, &recordError{err} // else its copy could be taken for another one's
	}
	return true, nil
}

// maxBroke is how many looks in a row may be cut short before it is given up.
const maxBroke = 5
