package fetcher

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// waitFor tells what the account waits for after the error that ended its pass; "": nothing. What befell single
// messages, or one destination of several, is no reason to ask the server less often.
func waitFor(err error) string {
	var (
		refused  *refusedError
		response *pop3.ResponseError
		protocol *pop3.ProtocolError
		noTLS    *pop3.TLSError
		flood    *floodError
	)
	switch {
	case err == nil, err == ErrYield, errors.Is(err, context.Canceled), errors.Is(err, uidl.ErrBusy), untried(err), errors.As(err, &flood):
		return ""
	case errors.As(err, &refused):
		return waitRefused
	case verdict.Certificate(err), errors.Is(err, pop3.ErrNoSTLS), errors.As(err, &noTLS) && (errors.As(err, &response) || noTLS.Misfit() != pop3.Fits):
		return waitFault
	case verdict.HungUpAtLogin(err):
		return waitHungUp
	case errors.As(err, &response):
		switch code := verdict.CodeOf(response); {
		case code == "IN-USE":
			return waitInUse
		case code == "LOGIN-DELAY":
			return waitLogins
		case strings.HasPrefix(code, "SYS/PERM"):
			return waitServer
		}
	case errors.As(err, &protocol) && brokenPipelining(err) == 0 && protocol.Num == 0 && !aboutMessages(protocol.Command):
		return waitFault
	}
	return waitBackoff
}

// aboutMessages tells that a command asks for single messages: nonsense in answer to it is charged to the message.
func aboutMessages(verb string) bool { return verb == "RETR" || verb == "TOP" || verb == "DELE" }

// verdictOf is the verdict of the whole pass: of the error that ended it, else of the worst that befell it.
func (p *pass) verdictOf(err error) verdict.Verdict {
	v := verdict.Of(err)
	if v.Stop {
		return v
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.worst {
		if verdict.Worse(w.Class, v.Class) {
			v = w
		}
	}
	for _, d := range p.dests {
		if w := verdict.Of(d.stageFailure()); verdict.Worse(w.Class, v.Class) {
			v = w
		}
		if w := verdict.Of(d.publishFailure()); verdict.Worse(w.Class, v.Class) {
			if d.down != nil {
				w = d.down.told(w)
			}
			v = w
		}
	}
	if v.Class != verdict.OK {
		return v
	}
	return p.openVerdict()
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
		return leastApart
	case errors.Is(err, os.ErrDeadlineExceeded):
		return silent
	}
	return 0
}

// lostStep tells that a session in which commands were pipelined ended with replies that cannot be right.
func lostStep(err error) bool {
	var pe *pipelineError
	var protocol *pop3.ProtocolError
	return errors.As(err, &pe) && (errors.As(err, &protocol) || errors.Is(err, errOutOfStep))
}
