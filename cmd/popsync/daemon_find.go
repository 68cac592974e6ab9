package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/control"
)

// daemonTime is how long a daemon may take to say how it is.
const daemonTime = 5 * time.Second

// othersDaemon is a control.ErrNoDaemon: the daemon that works on the same state directory has another configuration.
type othersDaemon struct {
	pid  int
	file string
}

func (e *othersDaemon) Error() string {
	return fmt.Sprintf("the daemon that is running (pid %d) has another configuration, %s", e.pid, e.file)
}

func (e *othersDaemon) Unwrap() error { return control.ErrNoDaemon }

// findDaemon finds the daemon of this configuration, which works on the same state directory, and what it says of itself.
// control.ErrNoDaemon: there is none.
func (a *app) findDaemon(ctx context.Context, cfg *config.Config) (*control.Client, control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	var none error = control.ErrNoDaemon
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
		case st.StateDir != cfg.StateDir:
		case deliver.Resolve(st.Config) != ownerOf(cfg):
			none = &othersDaemon{st.PID, st.Config}
		default:
			return c, st, nil
		}
	}
	return nil, control.Status{}, none
}
