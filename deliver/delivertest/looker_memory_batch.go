package delivertest

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/deliver"
)

// MemoryBatcher is a MemoryLooker that takes batches.
type MemoryBatcher struct {
	*MemoryLooker

	// Ways to be wrong, for tests of the suite.
	Hasty    bool // it takes batches before looking is proved, and after it failed
	OneLook  bool // what it finds out of one message of a batch goes for all
	Overlaps bool // within a batch one copy may be found for two messages
	Resends  bool // it sends what it was only to look for
	Certain  bool // after a connection that broke it takes what came behind for not sent
}

// Batch is 10, once a message was taken and could be found.
func (s MemoryBatcher) Batch() int {
	s.Box.mu.Lock()
	defer s.Box.mu.Unlock()
	if r := s.Box.record; s.Hasty || s.begun && r != nil && r.proved && r.validity == s.Box.validity {
		return 10
	}
	return 1
}

// SendBatch sends messages one by one, until an answer is lost: those behind that one are in doubt as well, and are not there.
func (s MemoryBatcher) SendBatch(ctx context.Context, all []deliver.Outgoing) []error {
	errs := make([]error, len(all))
	if len(all) == 1 {
		errs[0] = s.Send(ctx, all[0])
		return errs
	}
	most := s.Batch()
	var broke error
	for i, m := range all {
		switch {
		case m.Again && s.OneLook && i > 0:
			errs[i] = errs[0]
		case m.Again:
			errs[i] = s.find(ctx, m)
		case most == 1:
			errs[i] = deliver.ErrUntried
		case broke != nil && s.Certain:
			errs[i] = deliver.ErrUntried
			s.late(m)
		case broke != nil:
			errs[i] = broke
		default:
			errs[i] = s.Send(ctx, m)
			broke = errs[i]
		}
		if s.Resends && errors.Is(errs[i], deliver.ErrUntried) {
			errs[i] = s.Send(ctx, m)
		}
	}
	return errs
}

// late keeps a message that its Sender takes for not sent.
func (s MemoryBatcher) late(m deliver.Outgoing) {
	text, _ := readBody(m)
	s.Box.mu.Lock()
	defer s.Box.mu.Unlock()
	s.Box.put(text)
}

// find looks for a message, and sends nothing.
func (s MemoryBatcher) find(ctx context.Context, m deliver.Outgoing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := readBody(m)
	if err != nil {
		return &deliver.Error{Op: "read", Local: true, Err: err}
	}
	s.Box.mu.Lock()
	defer s.Box.mu.Unlock()
	r := s.record()
	if _, ok := r.taken[m.ID]; ok {
		return nil
	}
	n, err := s.look(r, m.ID, text)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("%s: %w", m.ID, deliver.ErrUntried)
	case !s.Overlaps:
		r.taken[m.ID] = n
	}
	return nil
}

var _ deliver.BatchSender = MemoryBatcher{}
