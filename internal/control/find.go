package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// daemonTime is how long a daemon may take to say how it is.
const daemonTime = 5 * time.Second

// OthersError is an ErrNoDaemon: the daemon that works on the same state directory has another configuration.
type OthersError struct {
	pid  int
	file string
}

func (e *OthersError) Error() string {
	return fmt.Sprintf("the daemon that is running (pid %d) has another configuration, %s", e.pid, e.file)
}

// Unwrap gives ErrNoDaemon.
func (e *OthersError) Unwrap() error { return ErrNoDaemon }

// Find finds the daemon of a configuration, which works on its state directory and listens at one of these places, and what it says
// of itself. same tells whether a file is the configuration. ErrNoDaemon: there is none.
func Find(ctx context.Context, paths []string, stateDir string, same func(file string) bool) (*Client, Status, error) {
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	none := ErrNoDaemon
	for _, path := range paths {
		c, err := Dial(path)
		var st Status
		if err == nil {
			st, err = c.Status(ctx)
		}
		switch {
		case errors.Is(err, ErrNoDaemon):
		case err != nil:
			return nil, Status{}, err
		case st.StateDir != stateDir:
		case !same(st.Config):
			none = &OthersError{st.PID, st.Config}
		default:
			return c, st, nil
		}
	}
	return nil, Status{}, none
}
