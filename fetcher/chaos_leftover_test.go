package fetcher

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// destinations makes those of a pass, all of one life; the which-th fails as it is told.
func (w *world) destinations(tr *trouble) (all []settle.Destination) {
	tr.targets = nil
	for i, s := range w.slots {
		c := &chaosTarget{life: &tr.life, n: tr.target.n}
		if i == tr.which%len(w.slots) {
			c.op, c.at, c.n, c.err = tr.target.op, tr.target.at, tr.target.n, tr.target.err
		}
		tr.targets = append(tr.targets, c)
		d := settle.Destination{Name: s.name, Optional: s.role == uidl.Optional, Fallback: s.role == uidl.Fallback}
		if s.remote != nil {
			m := s.remote.Reopen()
			c.Target, d.Target = m, &chaosMemory{c, m}
			if c.down = s.remote.down; c.down {
				c.n = 0
			}
		} else {
			m := maildir.New(maildir.Options{Path: s.path, Host: "h", Now: w.now})
			c.Target, d.Target = m, &chaosMaildir{c, m}
		}
		all = append(all, d)
	}
	return all
}

// spool is Account.Spool.
func (w *world) spool(identity string) (settle.Leftover, error) {
	for _, r := range w.remotes {
		m := r.Reopen()
		if id, err := m.Recognise(context.Background()); err == nil && deliver.SamePlace(id, identity) {
			_, err := m.Identify(context.Background(), identity)
			return &chaosLeftover{m}, err
		}
	}
	return nil, fmt.Errorf("no spool of %s", identity)
}

type chaosLeftover struct{ *delivertest.Memory }

func (c *chaosLeftover) Remove() (int, error) { return 0, nil }

func (c *chaosLeftover) Open(t deliver.Ticket) (io.ReadCloser, error) { return openStaged(c.Memory, t) }

func openStaged(m *delivertest.Memory, t deliver.Ticket) (io.ReadCloser, error) {
	body, ok := m.Staged(t)
	if !ok {
		return nil, deliver.ErrUnknown
	}
	return io.NopCloser(bytes.NewReader([]byte(body))), nil
}
