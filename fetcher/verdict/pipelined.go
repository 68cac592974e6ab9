package verdict

import (
	"errors"

	"github.com/popsync/popsync/pop3"
)

// ErrOutOfStep: a server answers other commands than were sent, or leaves answers out. Whoever finds that out wraps it.
var ErrOutOfStep = errors.New("the replies of the server are out of step with the commands: one belongs to another message than was asked for")

// Pipelined marks an error of a session in which commands were pipelined.
type Pipelined struct{ Err error }

func (e *Pipelined) Error() string { return e.Err.Error() }

func (e *Pipelined) Unwrap() error { return e.Err }

// LostStep tells that a session in which commands were pipelined ended with replies that cannot be right.
func LostStep(err error) bool {
	var pe *Pipelined
	var protocol *pop3.ProtocolError
	return errors.As(err, &pe) && (errors.As(err, &protocol) || errors.Is(err, ErrOutOfStep))
}

// InSession marks an error of a session in which commands were pipelined; others, and nil, are as they were.
func InSession(c *pop3.Client, err error) error {
	if err == nil || !c.Pipelined() {
		return err
	}
	return &Pipelined{Err: err}
}
