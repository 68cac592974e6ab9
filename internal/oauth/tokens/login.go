package tokens

import (
	"context"
	"os"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/safepath"
)

// Put stores the token of a person's login. It replaces what was there, and what was known of that: a token that had been given up is
// alive again. Every error is an *oauth.Error, or ctx's.
func (s *Source) Put(ctx context.Context, t oauth.Token) error {
	return s.alone(ctx, func(dir *os.File) error {
		rec, _, err := s.load(ctx, dir)
		if err != nil {
			rec = record{seq: uint64(s.k.o.Now().UnixNano())} // damaged: higher than what any process has in memory
		}
		s.slot.unsaved = nil
		rec = record{rec.seq + 1, t.Got, t}
		if err := s.k.store.put(ctx, dir, s.name, rec.encode()); err != nil {
			return s.fault("the token can't be stored", err)
		}
		if err := stateOf(rec, t.Got).write(dir, s.name); err != nil {
			return s.fault("what is known of the token can't be stored", err)
		}
		return nil
	})
}

// Get gives what is stored, for who proves a login or revokes it; ok is false where nothing is.
func (s *Source) Get(ctx context.Context) (t oauth.Token, ok bool, err error) {
	dir, err := s.open()
	if err != nil {
		return oauth.Token{}, false, s.fault("the folder of tokens can't be used", err)
	}
	defer dir.Close()
	rec, _, err := s.load(ctx, dir)
	return rec.token, err == nil && rec.seq > 0, err
}

// Logout has the provider forget the token, where that is possible, and removes it here in any case; revoked tells which. The error
// is the provider's when only that failed: then removed is true all the same.
func (s *Source) Logout(ctx context.Context) (removed, revoked bool, err error) {
	err = s.alone(ctx, func(dir *os.File) error {
		rec, _, err := s.load(ctx, dir)
		var refused error
		if err == nil && rec.seq > 0 {
			revoked, refused = s.client.Revoke(ctx, rec.token)
		}
		s.slot.unsaved = nil
		if err := s.k.store.erase(ctx, dir, s.name); err != nil {
			return s.fault("the token can't be removed", err)
		}
		for _, suffix := range []string{stateSuffix, lockSuffix} { // the lock's last, while it is held
			if err := safepath.RemoveAt(dir, s.name+suffix); err != nil {
				return s.fault("what is known of the token can't be removed", err)
			}
		}
		if err := durable.SyncDir(dir); err != nil {
			return s.fault("the token can't be removed", err)
		}
		removed = true
		return refused
	})
	return removed, revoked, err
}

// alone runs do while nobody else refreshes, stores or removes the token.
func (s *Source) alone(ctx context.Context, do func(dir *os.File) error) error {
	select {
	case <-s.slot.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { s.slot.turn <- struct{}{} }()
	dir, err := s.open()
	if err != nil {
		return s.fault("the folder of tokens can't be used", err)
	}
	defer dir.Close()
	lock, err := hold(ctx, dir, s.name)
	if err != nil {
		return s.busy(ctx, err)
	}
	defer lock.Close()
	return do(dir)
}
