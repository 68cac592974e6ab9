package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// Publish sends each ticket's message, after a look whether its bytes are what the ticket says. A message that was sent
// before, as far as this directory tells, is not sent again.
//
// Outgoing.Again is true when a Send of this process ended in doubt, for what was staged with Message.Again, and for every
// ticket that an earlier process left, unless Remind said that it was not tried: nothing here tells.
//
// Where some recipients have the message, Error.Rest is a ticket for the others. The older ticket stays good: with it
// all its recipients get the message again, which is what a crash before the next commit of the ledger costs.
func (s *Target) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	if b := deliver.BatchSenderOf(s.opts.Sender); b != nil && len(tickets) > 1 {
		return s.publishBatch(ctx, b, tickets)
	}
	errs := make([]error, len(tickets))
	for i, t := range tickets {
		errs[i] = s.publish(ctx, t, "")
	}
	return errs
}

// PublishBefore is Publish of one ticket. The Sender learns of the next one as well, if that can be opened.
func (s *Target) PublishBefore(ctx context.Context, t, next deliver.Ticket) error {
	return s.publish(ctx, t, next)
}

func (s *Target) publish(ctx context.Context, ticket, next deliver.Ticket) error {
	t, f, err := s.sound(ctx, ticket)
	if err != nil || f == nil {
		return err
	}
	defer f.Close()
	m := s.outgoing(io.NewSectionReader(f, 0, t.size), stagedAt(f), t)
	if t, err := parseTicket(next); err == nil {
		// Its bytes are looked at when its turn comes, and so is what may be wrong with it.
		if f, err := s.unsent(t); err == nil && f != nil {
			defer f.Close()
			m.Next = new(s.outgoing(io.NewSectionReader(f, 0, t.size), stagedAt(f), t))
		}
	}
	err = s.opts.send(ctx, m)
	if err == nil {
		s.markSent(t.name)
		return nil
	}
	return s.outcome(ctx, t, err)
}

// sound opens the file of a ticket, and has made sure that its bytes are what the ticket says; nil without an error when it was sent
// before.
func (s *Target) sound(ctx context.Context, ticket deliver.Ticket) (t ticket, f *os.File, err error) {
	if err := ctx.Err(); err != nil {
		return t, nil, err
	}
	if err := s.identified("publish"); err != nil {
		return t, nil, err
	}
	if t, err = parse("publish", s.path, ticket); err != nil {
		return t, nil, err
	}
	if f, err = s.unsent(t); err != nil || f == nil {
		return t, nil, err
	}
	if err = s.verify(f, t); err == nil {
		return t, f, nil
	}
	f.Close()
	if !errors.Is(err, deliver.ErrDamaged) {
		// Other messages may lie on better parts of the disk.
		err = &deliver.Error{Op: "read", Place: s.path, Local: true, Err: err, Hint: "the disk may be failing: see the kernel log"}
	}
	return t, nil, err
}

// unsent opens the file of a ticket; nil without an error when it was sent before.
func (s *Target) unsent(t ticket) (*os.File, error) {
	known := s.known(t.name)
	if known.sent {
		return nil, nil
	}
	// The mark is looked for first: a rename that was interrupted may have left both names.
	if _, err := disk.StatAt(s.dir, t.name+sentSuffix); err == nil {
		return nil, nil
	} else if err != unix.ENOENT {
		return nil, s.failed("publish", err)
	}
	f, err := disk.OpenAt(s.dir, t.name, unix.O_RDONLY|unix.O_NONBLOCK)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", t.name, deliver.ErrUnknown)
	} else if err != nil {
		return nil, s.failed("publish", err)
	}
	if known.ours && !known.prepared {
		f.Close()
		return nil, &deliver.Error{Op: "publish", Place: s.path, Err: disk.ErrNotDurable}
	}
	return f, nil
}

// outgoing is what the Sender gets of a ticket's file.
func (s *Target) outgoing(body io.ReadSeeker, staged time.Time, t ticket) deliver.Outgoing {
	return deliver.Outgoing{
		Message: deliver.Message{Account: s.opts.Account, UID: t.uid, Dup: t.dup},
		ID:      s.opts.deliveryID(t),
		Body:    body,
		Folder:  s.path, Octets: t.size, Staged: staged,
		Again: s.again(t.name),
		Rest:  t.rest,
	}
}

// stagedAt is when a file was written; zero: that is not known.
func stagedAt(f *os.File) time.Time {
	info, err := f.Stat()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// again tells that an earlier try may have ended in doubt.
func (s *Target) again(name string) bool {
	known := s.known(name)
	return known.doubt || !known.ours && !known.untried
}

// known is a copy of what is known of a name.
func (s *Target) known(name string) entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[name]; f != nil {
		return *f
	}
	return entry{}
}

// markSent renames the file, so that no later process sends it again. The mark is not synced, and a failure is none of
// the message: the ledger is what remembers. The mark only makes the time shorter in which a kill makes a duplicate.
func (s *Target) markSent(name string) {
	_ = s.rename(s.dir, name, s.dir, name+sentSuffix)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[name]; f != nil {
		f.sent = true
	}
}

// errPanicked marks a Sender's own fault.
var errPanicked = errors.New("the sender failed by a fault of popsync")

// panicked is the error for what a Sender panicked with.
func panicked(r any) error {
	text := strconv.QuoteToASCII(fmt.Sprint(r))
	return fmt.Errorf("%w: %s", errPanicked, text[:min(len(text), 300)])
}

// send calls the Sender and turns a panic into an error: one message must not stop the others.
func (o *Options) send(ctx context.Context, m deliver.Outgoing) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(r)
		}
	}()
	return o.Sender.Send(ctx, m)
}

// outcome is what a Send that did not succeed means. What is neither an *Error nor the end of the context says nothing
// about what the destination has, so it is in doubt.
func (s *Target) outcome(ctx context.Context, t ticket, err error) error {
	if _, looks := s.opts.Sender.(deliver.Looker); looks && errors.Is(err, deliver.ErrInferred) {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	var e *deliver.Error
	known := errors.As(err, &e)
	if !known && ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	if !known {
		e = &deliver.Error{Op: "send", Place: s.opts.Sender.Place(), Uncertain: true, Err: err}
	}
	answer := *e
	answer.Untouched = false // of a Batch above 1 only
	if errors.Is(err, deliver.ErrDamaged) || errors.Is(err, deliver.ErrUnknown) || errors.Is(err, deliver.ErrInferred) ||
		errors.Is(err, deliver.ErrUntried) {
		// These speak of our bytes, which a Sender cannot judge: they would be discarded for it.
		answer.Err = errors.New(e.Error())
	}
	if answer.Uncertain {
		s.mu.Lock()
		if f := s.files[t.name]; f != nil {
			f.doubt = true
		}
		s.mu.Unlock()
	}
	if answer.Rest != "" {
		answer.Rest = t.forTheRest(answer.Rest)
	}
	return &answer
}

// forTheRest is the ticket for those who do not have the message yet; "" when they cannot be named in one: then all get
// it again.
func (t ticket) forTheRest(rest string) string {
	if len(rest) > maxRest {
		return ""
	}
	t.rest = rest
	return t.String()
}
