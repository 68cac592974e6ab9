package mbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Why nothing can tell whether a message is there.
var (
	errReplaced  = errors.New("the mailbox is another file by now")
	errShorter   = errors.New("the mailbox is shorter than it was")
	errRewritten = errors.New("the mailbox was rewritten")
	errUnread    = errors.New("the mailbox could not be read whenever it was looked at")
)

func unsure(why error) error { return fmt.Errorf("%w: %w", deliver.ErrInferred, why) }

// find looks for a message where the record says that it was to be written. What is there of a piece of it is cut off, if the file ends
// with it.
func (s *Sender) find(ctx context.Context, b *box, t *task) (there bool, err error) {
	p, begun := s.rec.begun[t.m.ID]
	switch {
	case !begun: // nothing of it was ever written here
		return false, nil
	case s.rec.broke >= maxBroke:
		return false, unsure(errUnread)
	case b.made || b.dev != p.dev || b.ino != p.ino:
		return false, unsure(errReplaced)
	case b.size < p.base:
		return false, unsure(errShorter)
	}
	what, piece, err := s.compare(ctx, b, t, p)
	var look *lookError
	switch {
	case errors.As(err, &look):
		s.rec.failed(s.rec.broke + 1)
		return false, s.failed("read", look.error)
	case err != nil:
		return false, s.unread(ctx, err)
	}
	s.rec.failed(0)
	switch what {
	case whole:
		// A kill may have come before the sync.
		if err := s.sync(b.file, nil); err != nil {
			return false, s.failed("sync", err)
		}
		b.touched(false)
		s.rec.take(t.m.ID)
		return true, nil
	case torn:
		if err := b.file.Truncate(p.base); err != nil {
			return false, s.failed("cut a piece of a message off", err)
		}
		b.size = p.base
	case leftOver:
		s.tells = append(s.tells, fmt.Sprintf("a piece of a message, %d octets at offset %d, was left in %s by a kill: others have written behind it; the message was put there again, whole",
			piece, p.base, s.o.Path))
	case rewritten:
		b.touched(false)
		return false, unsure(errRewritten)
	}
	return false, nil
}

// found is what a look found.
type found int

const (
	missing   found = iota // nothing of the message
	whole                  // all of it
	torn                   // a piece of it, with which the file ends
	leftOver               // a piece of it, and something else behind
	rewritten              // what was there before it is something else, or what is there might be what became of it
)

// lookError is of the mailbox, not of the message.
type lookError struct{ error }

func (e *lookError) Unwrap() error { return e.error }

// compare finds out what is there of a message, and how many octets of it.
func (s *Sender) compare(ctx context.Context, b *box, t *task, p place) (what found, piece int64, err error) {
	tail := make([]byte, min(p.base, tailSize))
	if _, err := s.read(b.file, tail, p.base-int64(len(tail))); err != nil {
		return 0, 0, &lookError{err}
	}
	if sumOf(tail) != p.tail {
		return rewritten, 0, nil
	}
	glue := glueFor(tail)
	old := *t // as it was to be written then
	old.at = time.Unix(p.at, 0).UTC()
	c := &comparison{read: func(q []byte, at int64) (int, error) { return s.read(b.file, q, p.base+at) }, size: b.size - p.base}
	err = old.render(ctx, c, glue)
	var wrote *writeError
	if errors.As(err, &wrote) {
		err = &lookError{wrote.error}
	}
	if err != nil {
		return 0, 0, err
	}
	if _, err := c.Write([]byte(separator)); err != nil {
		return 0, 0, &lookError{err}
	}
	short := int64(-1) // where the file ended when a later message of ours was begun, if within this one: it was not whole then
	for _, later := range s.rec.after(p) {
		switch end := later.base - p.base; {
		case end < 0:
			return rewritten, 0, nil // what is in front of it was shorter then
		case end < c.want && short < 0:
			short = end
		}
	}
	switch {
	case short < 0 && c.same == c.want:
		return whole, c.same, nil
	case short < 0 && c.size <= c.want && c.zero == c.size-c.same: // nothing behind it, but for zeros that a power cut left
		return torn, c.same, nil
	}
	at, err := c.next(glue, len(glue)+len(old.fromLine()))
	switch {
	case err != nil:
		return 0, 0, &lookError{err}
	case short >= 0 && c.same >= short:
		at = short
	case short >= 0 && at < 0:
		return missing, 0, nil
	case at < 0:
		return rewritten, 0, nil
	}
	if at > int64(len(glue)) {
		return leftOver, at, nil
	}
	return missing, 0, nil
}

// comparison is written what should be in the mailbox, and reads what is there.
type comparison struct {
	read func(p []byte, at int64) (int, error) // from where the message begins
	size int64                                 // octets that are there from there on

	want int64 // octets that should be there
	same int64 // of which so many are, from the first
	zero int64 // octets behind these, up to the end of the file or to the first that is not NUL
	over bool  // they differ, or the file has ended

	buf [blockSize]byte
}

// next is where something begins that others wrote behind a piece of the message, or in its place: like each message, with a From_ line. -1: there
// is nothing of that kind. What begins with glue and a From_ line, together of head octets, is no piece before it goes on behind them.
func (c *comparison) next(glue string, head int) (int64, error) {
	window := func(at int64) (string, error) {
		p := make([]byte, min(c.size-at, 16))
		_, err := c.read(p, at)
		return string(p), err
	}
	begin := max(0, c.same-int64(len(fromWord))) // where that may have gone on as ours would
	text, err := window(begin)
	if err != nil {
		return 0, err
	}
	for at := strings.LastIndex(text, fromWord); at >= 0; at = strings.LastIndex(text[:at], fromWord) {
		if strings.Trim(text[min(at, int(c.same-begin)):at], "\n") == "" {
			return min(begin+int64(at), c.same), nil
		}
	}
	if c.same < int64(head) {
		if text, err = window(0); err != nil {
			return 0, err
		}
		if strings.HasPrefix(strings.TrimLeft(text, "\n"), fromWord) {
			return int64(len(glue)), nil
		}
	}
	return -1, nil
}

func (c *comparison) Write(p []byte) (int, error) {
	whole := len(p)
	for len(p) > 0 {
		n := min(len(p), len(c.buf))
		if err := c.compare(p[:n]); err != nil {
			return 0, err
		}
		p = p[n:]
	}
	return whole, nil
}

func (c *comparison) compare(p []byte) error {
	at := c.want
	c.want += int64(len(p))
	n := min(int64(len(p)), c.size-at)
	if n <= 0 || c.over && c.zero != at-c.same {
		c.over = true
		return nil
	}
	there := c.buf[:n]
	if _, err := c.read(there, at); err != nil {
		return err
	}
	i := 0
	if !c.over {
		for i < len(there) && there[i] == p[i] {
			i++
		}
		c.same += int64(i)
		c.over = i < len(there)
	}
	for c.over && i < len(there) && there[i] == 0 {
		i++
		c.zero++
	}
	return nil
}
