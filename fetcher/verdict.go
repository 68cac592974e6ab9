package fetcher

import (
	"errors"
	"os"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
)

// verdictOf is the verdict of the whole pass: of the error that ended it, else of the worst that befell it.
func (p *pass) verdictOf(err error) verdict.Verdict {
	v := verdict.Of(err)
	if v.Stop {
		return v
	}
	v = p.rec.Worse(v)
	for _, d := range p.Places {
		if w := verdict.Of(d.StageFailure()); verdict.Worse(w.Class, v.Class) {
			v = w
		}
		if w := verdict.Of(d.PublishFailure()); verdict.Worse(w.Class, v.Class) {
			if d.Down != nil {
				w = d.Down.Told(w)
			}
			v = w
		}
	}
	if v.Class != verdict.OK {
		return v
	}
	return p.rec.OpenVerdict()
}

// pipelineError marks an error of a session in which commands were pipelined.
type pipelineError struct{ err error }

func (e *pipelineError) Error() string { return e.err.Error() }
func (e *pipelineError) Unwrap() error { return e.err }

func (s *session) pipelined(err error) error {
	if err == nil || !s.c.Pipelined() {
		return err
	}
	return &pipelineError{err}
}

// brokenPipelining tells for how long a server is to be spoken to one command at a time at least, 0 for not at all: it announced
// pipelining, commands were pipelined, and it lost step. One that fell silent may only have lost its network.
func brokenPipelining(err error) time.Duration {
	var pe *pipelineError
	switch {
	case !errors.As(err, &pe):
		return 0
	case lostStep(err):
		return health.LeastApart
	case errors.Is(err, os.ErrDeadlineExceeded):
		return health.Silent
	}
	return 0
}

// lostStep tells that a session in which commands were pipelined ended with replies that cannot be right.
func lostStep(err error) bool {
	var pe *pipelineError
	var protocol *pop3.ProtocolError
	return errors.As(err, &pe) && (errors.As(err, &protocol) || errors.Is(err, errOutOfStep))
}
