package imap

import (
	"context"
	"errors"
	"fmt"
)

// transfer looks for a message if it may be there, and sends it if it is not.
func (s *Sender) transfer(ctx context.Context, c *session, t *task) (r result) {
	if err := s.base(c); err != nil {
		r.failed(err)
		return r
	}
	if t.again && !t.looked {
		if r, absent := s.seek(ctx, c, t); !absent {
			return r
		}
		t.looked = true
	}
	if r.unfit = unfit(t.octets, c.limit()); r.unfit != nil {
		return r
	}
	if err := s.begin(t.id); err != nil {
		r.failed(err)
		return r
	}
	r = c.append(t, !t.undated && !s.undated())
	s.ended(c, t, &r)
	return r
}

// seek looks for a message. absent: it is not there, for certain.
func (s *Sender) seek(ctx context.Context, c *session, t *task) (r result, absent bool) {
	there, err := s.find(ctx, c, t)
	switch {
	case errors.Is(err, errValidity) && t.tries < 2:
		s.rebase()
		r.anew = true
	case errors.Is(err, errUnsure):
		r.unsure = err
	case errors.Is(err, errValidity):
		r.unsure = fmt.Errorf("%w: %w", errUnsure, err)
	case err != nil:
		r.failed(err)
	default:
		r.there = there
		return r, !there
	}
	return r, false
}

// unfit tells that a message is larger than the server takes, by what it says; a limit of 0: it says nothing.
func unfit(octets, limit int64) error {
	if limit <= 0 || octets <= limit {
		return nil
	}
	return fmt.Errorf("it has %d octets, and the server takes at most %d (APPENDLIMIT)", octets, limit)
}

// failed enters why nothing of the message was sent.
func (r *result) failed(err error) {
	r.at = atFolder
	if !errors.As(err, &r.refused) {
		r.err = err
	}
}

// taken tells that the server has answered that the message is there.
func (r *result) taken() bool {
	return r.begun && r.refused == nil && r.err == nil && r.source == nil
}

// undated tells that messages are sent without dates.
func (s *Sender) undated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noDate
}

// recordError is of a record that cannot be written.
type recordError struct{ err error }

func (e *recordError) Error() string {
	return "the record of what is sent cannot be written: " + e.err.Error()
}
func (e *recordError) Unwrap() error { return e.err }

// base asks for the state of the folder, once in a process and whenever it may have become another one. The record begins there anew where
// nothing is to be looked for any more, or nothing could be found.
func (s *Sender) base(c *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rec
	raise := s.based && s.held && r.nameless() >= maxNameless && r.certain()
	if s.based && !raise {
		return nil
	}
	now, err := c.status()
	if err != nil {
		return err
	}
	switch {
	case raise:
		r.raise(now)
	case !r.met(), s.held && !s.began:
		r.renew(now, true)
	case r.validity != now.validity:
		r.renew(now, false)
		s.tested = false
	default:
		s.based = true
		return nil
	}
	s.index = nil
	if err := r.save(); err != nil {
		return &recordError{err}
	}
	s.based = true
	return nil
}

// begin notes that a message is about to be sent.
func (s *Sender) begin(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = true
	if err := s.rec.begin(id); err != nil {
		return &recordError{err}
	}
	return nil
}

// ended notes what came of an APPEND.
func (s *Sender) ended(c *session, t *task, r *result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.doubt:
		s.doubts++
		t.looked = false
		return
	case !r.taken():
		delete(s.rec.begun, t.id)
		return
	}
	uid := s.named(t, r)
	if !s.rec.proved && s.based && !s.tested && t.octets <= maxProof {
		s.tested = true
		if found, err := s.prove(c, t); err != nil {
			c.broken = true // whatever is wrong, the next message has a connection of its own
		} else if found != 0 {
			uid = found
			s.rec.proved, s.rec.uids = true, r.uid == found
			_ = s.rec.add("f "+s.rec.flags(), false)
		}
	}
	// What can't be written now is found by looking, if a kill comes before the ledger has it.
	_ = s.rec.take(t.id, uid, t.key)
}

// named notes what the answer to a message that was taken tells, and gives its UID; 0: that is not known. s.mu is held.
func (s *Sender) named(t *task, r *result) (uid uint32) {
	s.noDate = s.noDate || t.undated
	if r.validity != 0 && r.validity != s.rec.validity {
		s.based, r.uid = false, 0 // it is another folder by now
	}
	return s.rec.named(r.uid)
}

// maxProof bounds messages by which looking is proved, in octets: all of them is read back.
const maxProof = 1 << 20

// prove looks for a message that was taken just now; 0: it can't be found by looking.
func (s *Sender) prove(c *session, t *task) (uid uint32, err error) {
	x, err := c.look(s.rec, maxForeign+s.rec.open())
	if err != nil {
		var conn *connError
		if errors.As(err, &conn) {
			return 0, err
		}
		return 0, nil
	}
	uid, _, err = x.find(c, s.rec, t)
	var refused *replyError
	if errors.As(err, &refused) {
		return 0, nil
	}
	return uid, err
}
