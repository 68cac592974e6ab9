package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/popsync/popsync/deliver"
)

// batchOctets is how many octets the messages of one batch may have together: a batch is settled as a whole, and so is in doubt as one.
const batchOctets = 8 << 20

// BatchOf is what the Sender takes at once, of messages that together are not too large, and of which all may have been sent before, or none.
func (s *Target) BatchOf(tickets []deliver.Ticket) (n int, looks bool) {
	b := deliver.BatchSenderOf(s.opts.Sender)
	if b == nil || len(tickets) < 2 {
		return 1, false
	}
	var octets int64
	for _, ticket := range tickets[:max(1, min(b.Batch(), len(tickets)))] {
		t, err := parseTicket(ticket)
		if err != nil { // it fails alone
			break
		}
		again := s.again(t.name)
		octets += t.size
		if n > 0 && (again != looks || octets > batchOctets) {
			break
		}
		n, looks = n+1, again
	}
	return max(n, 1), looks && n > 1
}

// publishBatch is publish for several tickets, by a Sender that takes them at once.
func (s *Target) publishBatch(ctx context.Context, b deliver.BatchSender, tickets []deliver.Ticket) []error {
	errs := make([]error, len(tickets))
	var (
		all []deliver.Outgoing
		of  []ticket
		at  []int // of errs
	)
	for i, name := range tickets {
		t, f, err := s.sound(ctx, name)
		if err != nil || f == nil {
			errs[i] = err
			continue
		}
		staged := stagedAt(f)
		f.Close()
		body := &lazyBody{open: func() (*os.File, error) { return s.unsent(t) }, size: t.size}
		defer body.close()
		all, of, at = append(all, s.outgoing(body, staged, t)), append(of, t), append(at, i)
	}
	switch len(all) {
	case 0:
	case 1:
		errs[at[0]] = s.publish(ctx, tickets[at[0]], "")
	default:
		for i, err := range sendBatch(ctx, b, all) {
			switch {
			case err == nil:
				s.markSent(of[i].name)
			case errors.Is(err, deliver.ErrUntried):
				errs[at[i]] = fmt.Errorf("%s: %w", of[i].name, deliver.ErrUntried)
			default:
				errs[at[i]] = s.outcome(ctx, of[i], err)
			}
		}
	}
	return errs
}

// sendBatch calls the Sender, and guards against one that panics, or does not answer for all.
func sendBatch(ctx context.Context, b deliver.BatchSender, all []deliver.Outgoing) (errs []error) {
	defer func() {
		r := recover()
		if r == nil && len(errs) == len(all) {
			return
		}
		err := errors.New("the sender did not answer for all messages")
		if r != nil {
			err = panicked(r)
		}
		errs = make([]error, len(all))
		for i := range errs {
			errs[i] = err
		}
	}()
	return b.SendBatch(ctx, all)
}

// lazyBody is a message's file, which is open only while it is read: a batch has many. What fails is an error of Read.
type lazyBody struct {
	open func() (*os.File, error)
	size int64
	file *os.File
	at   int64
}

var errSent = errors.New("its file is marked as sent")

func (b *lazyBody) Read(p []byte) (n int, err error) {
	if b.file == nil && b.at < b.size {
		f, err := b.open()
		if err != nil {
			return 0, err
		} else if f == nil {
			return 0, errSent
		}
		b.file = f
	}
	if left := b.size - b.at; left < int64(len(p)) {
		p = p[:max(left, 0)]
	}
	if len(p) > 0 {
		n, err = b.file.ReadAt(p, b.at)
		b.at += int64(n)
	}
	if b.at >= b.size {
		b.close()
		return n, io.EOF
	}
	return n, err
}

// Seek sets where the next Read begins.
func (b *lazyBody) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 {
		return b.at, errors.New("seek before the beginning")
	}
	b.at = offset
	return offset, nil
}

func (b *lazyBody) close() {
	if b.file != nil {
		b.file.Close()
		b.file = nil
	}
}
