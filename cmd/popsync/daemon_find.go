package main

import (
	"context"
	"errors"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/control"
)

// daemonTime is how long a daemon may take to say how it is.
const daemonTime = 5 * time.Second

// findDaemon finds the daemon that works on the same state directory, and what it says of itself. control.ErrNoDaemon: there
// is none.
func (a *app) findDaemon(ctx context.Context, cfg *config.Config) (*control.Client, control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	for _, path := range cfg.Control.Sockets {
		c, err := control.Dial(path)
		var st control.Status
		if err == nil {
			st, err = c.Status(ctx)
		}
		switch {
		case errors.Is(err, control.ErrNoDaemon):
		case err != nil:
			return nil, control.Status{}, err
		case st.StateDir == cfg.StateDir: // else it is another configuration's
			return c, st, nil
		}
	}
	return nil, control.Status{}, control.ErrNoDaemon
}
