package fetcher

import (
	"context"
	"io"
	"os"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/maildir"
)

// chaosMaildir is one with all that a Maildir can do besides.
type chaosMaildir struct {
	*chaosTarget
	m *maildir.Target
}

func (c *chaosMaildir) Locate() (string, os.FileInfo)              { return c.m.Locate() }
func (c *chaosMaildir) Used(path string) bool                      { return c.m.Used(path) }
func (c *chaosMaildir) Notes(token string) ([]deliver.Note, error) { return c.m.Notes(token) }

func (c *chaosMaildir) WriteNote(n deliver.Note) error {
	if happens, _ := c.life.step(); !happens {
		c.firstOfDeath() // the publishing that comes next has not begun
		return errDead
	}
	return c.m.WriteNote(n)
}

func (c *chaosMaildir) Tagged(ctx context.Context, want func(string) bool, found func(string, io.Reader) error) error {
	return c.m.Tagged(ctx, want, found)
}

func (c *chaosMaildir) Clean() error {
	if happens, _ := c.life.step(); !happens {
		return nil
	}
	return c.m.Clean()
}

// chaosMemory is a remote one.
type chaosMemory struct {
	*chaosTarget
	m *delivertest.Memory
}

func (c *chaosMemory) Open(t deliver.Ticket) (io.ReadCloser, error) { return openStaged(c.m, t) }

func (c *chaosMemory) SetAside(held []deliver.Ticket) (int, string, error) {
	if happens, _ := c.life.step(); !happens {
		return 0, "", errDead
	}
	return c.m.SetAside(held)
}

// Sweep is like SetAside: nothing needs what no ticket names.
func (c *chaosMemory) Sweep(held []deliver.Ticket) error {
	_, _, err := c.SetAside(held)
	return err
}

// PublishBefore makes the outbox reserve messages.
func (c *chaosMemory) PublishBefore(ctx context.Context, t, _ deliver.Ticket) error {
	return c.Publish(ctx, []deliver.Ticket{t})[0]
}
