package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// atOnce is how many accounts Flush sends for at the same time.
const atOnce = 8

// Flush sends what could not be sent before and is due by now, and tells troubles that need a person and were held
// back. It may take long when a receiver does not answer: a minute for each of its notices at most, eight accounts at a
// time.
func (n *Notifier) Flush(ctx context.Context) []error {
	n.mu.Lock()
	names, err := n.known()
	n.mu.Unlock()
	errs := []error{err}
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, atOnce)
		mu    sync.Mutex
	)
	for _, name := range names {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := n.isolated(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return distinct(errs)
}

// isolated makes an error of a panic, so that a channel of one account cannot end the process. Like a crash, it leaves
// an attempt of which nobody knows the end.
func (n *Notifier) isolated(ctx context.Context, name string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a fault of popsync while account %s was told about: %s", name, line(fmt.Sprint(r)))
		}
	}()
	return n.flush(ctx, name)
}

func (n *Notifier) flush(ctx context.Context, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.account(name)
	errs := n.refresh(a)
	now := n.now()
	for g := range groups {
		s := &a.groups[g]
		if s.open() && s.Told == "" && s.Person && s.tell(now, n.channelNames(name)) {
			s.unsaved = true
		} else if r, changed := s.expire(now); changed {
			*s = state{record: r, unsaved: true}
		}
	}
	errs = append(errs, n.save(a))
	errs = append(errs, n.send(ctx, a)...)
	n.tidy(a)
	return errors.Join(distinct(errs)...)
}

// send makes all attempts that are due for an account, one after the other. It is called with the lock and gives it up
// while a channel is at work; whatever becomes due meanwhile is seen before it returns.
func (n *Notifier) send(ctx context.Context, a *account) (errs []error) {
	if a.sending {
		return nil
	}
	a.sending = true
	defer func() { a.sending = false }()
	for ctx.Err() == nil && !a.gone {
		s, q, name := a.next(n.now())
		if q == nil {
			return append(errs, n.save(a))
		}
		t := q.To[name]
		channel := n.channel(a.name, name)
		if channel == nil { // no longer configured
			t.State, s.unsaved = ended, true
			a.trim()
			continue
		}
		before := *t
		t.begin(n.now())
		s.unsaved = true
		// Without Once, memory has it now, and what is wrong with the file is said after the attempt.
		if err := n.save(a); err != nil && n.o.Once {
			*t = before
			return append(errs, err)
		}
		err := n.attempt(ctx, channel, q.Notice)
		wait := t.end(n.now(), err)
		s.unsaved = true
		if err != nil {
			then := "given up: nobody is told of it this way"
			if wait > 0 {
				then = fmt.Sprintf("tried again in %v", wait)
			}
			errs = append(errs, fmt.Errorf("notice of account %s by %s: %w (%s)", a.name, name, err, then))
		}
		a.trim()
		errs = append(errs, n.save(a))
	}
	return errs
}

// attempt sends one notice, without the lock.
func (n *Notifier) attempt(ctx context.Context, c Channel, notice Notice) error {
	n.mu.Unlock()
	defer n.mu.Lock()
	return Deliver(ctx, c, notice)
}

// Deliver hands a notice to a channel, once, within a minute. It is how a Notifier sends, without its memory of what was sent.
func Deliver(ctx context.Context, c Channel, notice Notice) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return c.Send(ctx, notice)
}

// next finds an attempt that is due now, on each channel the oldest notice first; nil: there is none.
func (a *account) next(now time.Time) (*state, *queued, string) {
	for g := range groups {
		s := &a.groups[g]
		if s.record == nil {
			continue
		}
		behind := map[string]bool{} // channels on which an older notice waits
		for _, q := range s.Queue {
			for _, name := range slices.Sorted(maps.Keys(q.To)) {
				t := q.To[name]
				if !t.waits() || behind[name] {
					continue
				}
				if q.Notice.Kind == Recovered && !s.knows(q.Incident, name) { // the trouble was given up on
					t.State, s.unsaved = ended, true
					continue
				}
				ok, changed := t.ready(now)
				s.unsaved = s.unsaved || changed
				if ok {
					return s, q, name
				}
				behind[name] = t.waits()
			}
		}
	}
	a.trim()
	return nil, nil, ""
}

// trim drops what needs no sending any more.
func (a *account) trim() {
	for g := range groups {
		if s := &a.groups[g]; s.record != nil && s.record.trim() {
			s.unsaved = true
		}
	}
}

// distinct drops the nils, and what says the same as one before.
func distinct(errs []error) (rest []error) {
	for _, err := range errs {
		if err != nil && !slices.ContainsFunc(rest, func(e error) bool { return e.Error() == err.Error() }) {
			rest = append(rest, err)
		}
	}
	return rest
}
