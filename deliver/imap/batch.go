package imap

import (
	"context"

	"github.com/popsync/popsync/deliver"
)

// maxBatch is how many messages are settled at once, so that for each connection so many may be in doubt.
const maxBatch = 200

// Batch implements deliver.BatchSender: one message until looking is proved for the folder as it is now.
func (s *Sender) Batch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.based || !s.rec.many() {
		return 1
	}
	return maxBatch
}

// SendBatch implements deliver.BatchSender. Messages go through the window of one connection.
func (s *Sender) SendBatch(ctx context.Context, all []deliver.Outgoing) []error {
	errs := make([]error, len(all))
	if len(all) == 1 {
		errs[0] = s.Send(ctx, all[0])
		return errs
	}
	again, ids := false, map[string]bool{}
	for i := range all {
		errs[i] = deliver.ErrUntried
		again = again || all[i].Again
		ids[all[i].ID] = true
	}
	if len(ids) < len(all) { // nobody could tell them apart
		return errs
	}
	leave, err := s.enter(ctx, all[0].Folder, again)
	if err != nil {
		errs[0] = err
		return errs
	}
	defer leave()
	b := batch{s, all, errs}
	if again {
		b.seek(ctx)
	} else {
		b.send(ctx)
	}
	return errs
}

// batch is several messages that are dealt with at once.
type batch struct {
	s    *Sender
	all  []deliver.Outgoing
	errs []error // of each
}

// seek looks for messages that may be there, and sends none.
func (b batch) seek(ctx context.Context) {
	s, errs := b.s, b.errs
	var left []int
	for i, m := range b.all {
		if m.Again && s.taken(m.ID) {
			errs[i] = nil
		} else if m.Again {
			left = append(left, i)
		}
	}
	if len(left) == 0 {
		return
	}
	c, err := s.pool.ready(ctx)
	if err != nil {
		errs[left[0]] = s.unreachable(ctx, err)
		return
	}
	unbind, synced := c.bind(ctx), s.rec.together()
	c.stays = true
	var found []int
	for _, i := range left {
		if errs[i] = b.seekOne(ctx, c, b.all[i]); errs[i] == nil {
			found = append(found, i)
		}
		if c.broken || ctx.Err() != nil {
			break
		}
	}
	if c.stays = false; !c.broken {
		_ = c.unselect() // a session that cannot is broken
	}
	unbind()
	s.pool.release(ctx, c)
	if err := synced(); err != nil { // else their copies could be taken for those of others
		for _, i := range found {
			errs[i] = s.judge(ctx, &task{id: b.all[i].ID}, &result{err: &recordError{err}}, false)
		}
	}
}

// seekOne is nil for a message that is there, and ErrUntried for one that is not.
func (b batch) seekOne(ctx context.Context, c *session, m deliver.Outgoing) error {
	s := b.s
	t, err := s.prepared(ctx, m)
	if err != nil {
		return err
	}
	for {
		var r result
		absent := false
		if err := s.base(c); err != nil {
			r.failed(err)
		} else {
			r, absent = s.seek(ctx, c, t)
		}
		switch {
		case absent:
			return deliver.ErrUntried
		case !r.anew:
			return s.judge(ctx, t, &r, false)
		}
		t.tries++ // seek asks for it twice at most
	}
}

// send sends messages that were not sent before.
func (b batch) send(ctx context.Context) {
	s, errs := b.s, b.errs
	c, err := s.pool.ready(ctx)
	if err != nil {
		errs[0] = s.unreachable(ctx, err)
		return
	}
	unbind := c.bind(ctx)
	if err = s.base(c); err != nil {
		var r result
		r.failed(err)
		errs[0] = s.judge(ctx, &task{id: b.all[0].ID}, &r, false)
	}
	s.mu.Lock()
	many := s.based && s.rec.many()
	s.mu.Unlock()
	var flights []*flight
	if err == nil && many { // else what proved it is gone, and they go one by one
		flights = b.fly(ctx, c)
	}
	unbind()
	b.note(flights)
	s.pool.release(ctx, c)
	for i, f := range flights {
		if f != nil {
			errs[i] = b.landed(ctx, f)
		}
	}
}

// fly sends messages through a window, one behind the other. What comes of each is in its flight; nil for one that was not begun.
func (b batch) fly(ctx context.Context, c *session) []*flight {
	s, errs := b.s, b.errs
	flights := make([]*flight, len(b.all))
	w := openWindow(c, s.o.InFlight)
	defer w.close()
	limit, date := c.limit(), !s.undated()
	for i := range b.all {
		t, err := s.prepared(ctx, b.all[i])
		if ctx.Err() != nil {
			break
		}
		if err == nil {
			if big := unfit(t.octets, limit); big != nil {
				err = s.judge(ctx, t, &result{unfit: big}, false)
			}
		}
		if err != nil {
			errs[i] = err
			continue
		}
		t.header = header{} // nothing is looked for; a batch of headers is large
		if !w.room() {
			break
		}
		if err := s.begin(t.id); err != nil {
			errs[i] = s.judge(ctx, t, &result{err: err}, false)
			break
		}
		flights[i] = &flight{t: t}
		if !w.send(flights[i], date) {
			break
		}
	}
	return flights
}

// note enters in the record what became of messages, with one sync.
func (b batch) note(flights []*flight) {
	s := b.s
	s.mu.Lock()
	defer s.mu.Unlock()
	synced := s.rec.together()
	for _, f := range flights {
		switch {
		case f == nil:
		case f.r.doubt:
			s.doubts++
		case !f.r.taken():
			delete(s.rec.begun, f.t.id)
		default:
			_ = s.rec.take(f.t.id, s.named(f.t, &f.r), f.t.key)
		}
	}
	_ = synced() // what can't be written now is found by looking: see ended
}

// landed turns what became of a message into its error. What a Send would try in another way comes back, to be sent alone.
func (b batch) landed(ctx context.Context, f *flight) error {
	s, r := b.s, &f.r
	switch {
	case !r.begun:
		return deliver.ErrUntried
	case r.refused == nil:
	case f.torn: // what was refused may be the piece that got there
		return deliver.ErrUntried
	case judged(r.refused, r.at).missing:
		s.rebase()
		return deliver.ErrUntried
	case r.blamesDate():
		return deliver.ErrUntried
	}
	return s.judge(ctx, f.t, r, false)
}
