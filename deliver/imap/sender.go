package imap

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/popsync/popsync/deliver"
)

// Sender is a deliver.Sender for one folder of one user. It is a deliver.Looker, and takes batches.
type Sender struct {
	o     Options
	where string        // of the record
	slots chan struct{} // one for each Send that runs
	alone chan struct{} // held by the Send that wants them all

	pool *pool

	mu     sync.Mutex
	held   bool // nothing of earlier processes is in doubt
	rec    *record
	began  bool            // this process has sent something
	based  bool            // this process has asked for the folder's state, and the record fits it
	index  *index          // what the last look found; nil: none
	doubts int             // endings in doubt in this process
	tested bool            // this process has tried to prove that looking works
	noDate bool            // the server takes no dates, for all that is known
	bad    map[string]bool // messages that were answered by BAD, in a row
}

// New checks the options; it does no input or output. The caller ends the Sender with Close.
func New(o Options) (*Sender, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	s := &Sender{
		o: o, where: recordWhere(o.Where()),
		slots: make(chan struct{}, o.Connections), alone: make(chan struct{}, 1),
	}
	s.pool = &pool{o: &s.o}
	return s, nil
}

// Place is the address and the folder.
func (s *Sender) Place() string { return s.o.Address + " (" + s.o.Folder + ")" }

// Lanes is the number of connections. Before looking is proved one message goes at a time all the same.
func (s *Sender) Lanes() int { return s.o.Connections }

// Hold implements deliver.Looker.
func (s *Sender) Hold(doubts bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = !doubts
}

// Send implements deliver.Sender. Body is read twice: first to learn its size and what is in it.
//
// A message with Again is looked for before it is sent. Found, it is not sent; where nothing can tell whether it is there, the error is
// deliver.ErrInferred. After an answer that was lost, the error is Uncertain.
func (s *Sender) Send(ctx context.Context, m deliver.Outgoing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := s.prepared(ctx, m)
	if err != nil {
		return err
	}
	leave, err := s.enter(ctx, m.Folder, t.again)
	if err != nil {
		return err
	}
	defer leave()
	if t.again && s.taken(t.id) {
		return nil
	}
	return s.deliver(ctx, t)
}

// prepared makes a task of a message, or says what is wrong with that.
func (s *Sender) prepared(ctx context.Context, m deliver.Outgoing) (*task, error) {
	t, wanted, err := s.o.prepare(ctx, m)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return t, nil
	case wanted: // nothing is wrong with it, but our copy cannot be read
		return nil, &deliver.Error{Op: "read", Place: s.Place(), Local: true, Err: err}
	}
	return nil, &deliver.Error{Op: "send", Place: s.Place(), Permanent: true, Err: err}
}

// enter waits for this message's turn, and reads the record. Nothing else is on its way while looking is not proved, nor while a message is
// looked for: the copy of another one could be taken for its.
func (s *Sender) enter(ctx context.Context, folder string, again bool) (leave func(), err error) {
	take := func(n int) (leave func(), err error) {
		taken := 0
		leave = func() {
			for range taken {
				<-s.slots
			}
		}
		for range n {
			select {
			case s.slots <- struct{}{}:
				taken++
			case <-ctx.Done():
				leave()
				return nil, ctx.Err()
			}
		}
		return leave, nil
	}
	if leave, err = take(1); err != nil {
		return nil, err
	}
	many, err := s.load(folder)
	if err != nil || many && !again || s.o.Connections == 1 {
		if err != nil {
			leave()
		}
		return leave, err
	}
	leave()
	select {
	case s.alone <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	all, err := take(s.o.Connections)
	if err != nil {
		<-s.alone
		return nil, err
	}
	return func() { all(); <-s.alone }, nil
}

// load reads the record, once. many tells that several messages may be on their way.
func (s *Sender) load(folder string) (many bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rec == nil {
		r, err := openRecord(folder, s.where)
		if err != nil {
			return false, &deliver.Error{Op: "open", Place: folder + deliver.LookSuffix, Scope: deliver.WholeTarget, Local: true, Err: err,
				Hint: "repair or remove this file: without it, what was in doubt may arrive twice"}
		}
		s.rec = r
	}
	return s.based && s.rec.many(), nil
}

// taken tells whether the server is known to have a message, by an earlier process that could not tell the ledger.
func (s *Sender) taken(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.rec.taken[id]
	return ok
}

// deliver brings a message there, on an idle connection or a new one.
func (s *Sender) deliver(ctx context.Context, t *task) error {
	var c *session
	reused, fresh, missed := false, false, false
	for {
		if c == nil {
			var err error
			if c, reused, err = s.pool.acquire(ctx, fresh); err != nil {
				return s.unreachable(ctx, err)
			}
		}
		unbind := c.bind(ctx)
		r := s.transfer(ctx, c, t)
		unbind()
		again := false
		switch {
		case ctx.Err() != nil:
		case r.anew:
			again = true
		case reused && r.stale():
			again, fresh = true, true
		case r.refused == nil:
		case reused && r.refused.lapsed():
			c.broken = true
			again, fresh = true, true
		case r.blamesDate() && !t.undated:
			t.undated, again = true, true
		case r.begun && !missed && judged(r.refused, r.at).missing:
			// Whether the folder is there, and is to be made, is seen when its state is asked for.
			missed, again = true, true
			s.rebase()
		}
		if again && t.tries < maxTries {
			if c.broken {
				c.w.close()
				c = nil
			}
			t.tries++
			continue
		}
		s.pool.release(ctx, c)
		return s.judge(ctx, t, &r, missed)
	}
}

// maxTries bounds how often one Send begins anew for reasons of the conversation.
const maxTries = 5

// rebase makes the next message ask for the folder's state.
func (s *Sender) rebase() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.based = false
}

// stale tells whether an idle connection was dead, or died before the server could have got a message: then it is worth another
// connection at once.
func (r *result) stale() bool {
	var conn *connError
	return errors.As(r.err, &conn) && !r.doubt && !errors.Is(r.err, os.ErrDeadlineExceeded)
}

// Close says LOGOUT on all idle connections, at once, and closes them after half a second at most.
func (s *Sender) Close() error {
	s.pool.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rec != nil {
		s.rec.close()
	}
	return nil
}

var (
	_ deliver.Sender      = (*Sender)(nil)
	_ deliver.Checker     = (*Sender)(nil)
	_ deliver.BatchSender = (*Sender)(nil)
	_ deliver.Learner     = (*Sender)(nil)
)
