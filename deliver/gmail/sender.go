package gmail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Sender is a deliver.Sender for one mailbox at Gmail. It is a deliver.Looker as far as Gmail tells: upload sessions are asked, and what has a
// Message-ID is sent again, since Gmail keeps one copy.
type Sender struct {
	o         Options
	where     string
	pace      *pacer
	transport *http.Transport
	slots     chan struct{} // one for each Send that runs
	naming    chan struct{} // held by who looks labels up

	mu     sync.Mutex
	closed bool
	held   bool // nothing of earlier processes is in doubt
	rec    *record
	ids    []string        // of the labels; nil: not known
	odd    map[string]bool // messages that were refused without a reason, or broke something at Gmail, in a row
}

// New checks the options; it does no input or output. The caller ends the Sender with Close.
func New(o Options) (*Sender, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	s := &Sender{
		o: o, where: o.Where(), pace: o.Pacers.of(mailbox(o.Username)),
		slots: make(chan struct{}, o.Connections), naming: make(chan struct{}, 1),
	}
	s.transport = newTransport(&s.o)
	return s, nil
}

// Place is the mailbox.
func (s *Sender) Place() string { return "Gmail (" + printable(s.o.Username) + ")" }

// Lanes is the number of connections.
func (s *Sender) Lanes() int { return s.o.Connections }

// Hold implements deliver.Looker.
func (s *Sender) Hold(doubts bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = !doubts
}

// Close ends all connections. Nothing depends on how.
func (s *Sender) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.rec != nil {
		s.rec.close()
	}
	s.mu.Unlock()
	s.transport.CloseIdleConnections()
	return nil
}

// Send implements deliver.Sender. Body is read twice: first to learn its size and whether it has a Message-ID.
//
// After an answer that was lost the error is Uncertain. What Gmail has merged with another message is deliver.ErrInferred.
func (s *Sender) Send(ctx context.Context, m deliver.Outgoing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, wanted, err := s.o.prepare(ctx, m)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !wanted:
		return &deliver.Error{Op: "send", Place: s.Place(), Scope: deliver.ThisMessage, Permanent: true, Err: err}
	case err != nil:
		return &deliver.Error{Op: "read", Place: s.Place(), Scope: deliver.ThisMessage, Local: true, Err: err}
	}
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.slots }()
	known, err := s.load(m.Folder, t)
	if err != nil || known {
		return err
	}
	return s.deliver(ctx, t)
}

// load reads the record, once; known tells that Gmail has the message, by a process that could not tell the ledger.
func (s *Sender) load(folder string, t *task) (known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, &deliver.Error{Op: "send", Place: s.Place(), Scope: deliver.WholeTarget, Err: errClosed}
	}
	if s.rec == nil {
		r, err := openRecord(folder, s.where)
		if err != nil {
			return false, &deliver.Error{Op: "open", Place: folder + deliver.LookSuffix, Scope: deliver.WholeTarget, Local: true, Err: err,
				Hint: "repair or remove this file: without it, mail without a Message-ID that was in doubt may arrive twice"}
		}
		if err := s.mine(r); err != nil {
			return false, err
		}
		if s.held {
			clear(r.sessions)
		}
		s.rec = r
	}
	return t.again && s.rec.has(t.id), nil
}

// mine compares who logged in with whose mailbox it is meant to be, and was before.
func (s *Sender) mine(r *record) error {
	if s.o.Whose == nil {
		return nil
	}
	subject, email := s.o.Whose()
	var other *otherError
	switch {
	case email != "" && !Same(email, s.o.Username):
		other = &otherError{"the login is that of " + printable(email) + ", so that mail would not get to " + printable(s.o.Username),
			"log in as " + printable(s.o.Username) + ": popsync login ACCOUNT; or name the other mailbox in username"}
	case subject != "" && r.subject != "" && r.subject != long(subject):
		other = &otherError{"the login is that of another Google account than mail was delivered to before, though it has the same address",
			"if that is as it should be, give the destination another name; else log in as before: popsync login ACCOUNT"}
	}
	if other != nil {
		return &deliver.Error{Op: "login", Place: s.Place(), Scope: deliver.WholeTarget, Permanent: true, Login: true, Err: other, Hint: other.hint}
	}
	if subject != "" {
		r.subject = long(subject)
	}
	return nil
}

// mostPause is the most that one Send rests for Gmail's sake: what takes longer is for its caller to wait for.
const mostPause = 3 * time.Minute

// deliver brings a message there. Where Gmail says that requests come too fast, it rests and tries again.
func (s *Sender) deliver(ctx context.Context, t *task) error {
	pause, stale := time.Duration(0), false
	for {
		began := time.Now()
		id := ""
		labels, err := s.labels(ctx)
		if err == nil {
			id, err = s.upload(ctx, t, labels)
		}
		var no *refusal
		if err == nil || !errors.As(err, &no) {
			return s.judge(ctx, t, id, err)
		}
		switch f := judged(no); {
		case f.fast:
			rest := s.pace.refused(began, f.wait)
			if pause += rest; pause <= mostPause {
				continue // pace rests
			}
			no.wait = rest
		case f.label && !stale:
			stale = true
			s.forgetLabels()
			continue
		}
		return s.judge(ctx, t, "", err)
	}
}

// settled notes that Gmail has a message.
func (s *Sender) settled(t *task, id string) error {
	s.pace.good()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd = nil
	merged, err := s.rec.take(t.id, id)
	// What can't be written down costs no mail: Gmail has it, and that is what counts.
	_ = err
	_ = s.rec.end(t.id)
	if merged {
		return fmt.Errorf("import into %s: %w", s.Place(), mergedError{})
	}
	return nil
}

var (
	_ deliver.Sender  = (*Sender)(nil)
	_ deliver.Checker = (*Sender)(nil)
	_ deliver.Looker  = (*Sender)(nil)
)
