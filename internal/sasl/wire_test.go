package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/foreign"
)

// The errors of a scripted server.
var (
	errNo        = errors.New("no")
	errLater     = errors.New("later")
	errUnknown   = errors.New("unknown command")
	errNoInitial = errors.New("too many arguments")
	errCut       = errors.New("connection lost")
)

// script is a Wire with a scripted server: what it wants, and what it answers, in turn. A want is "MECHANISM", or "MECHANISM first
// response", "> response", "*", or "user NAME SECRET", responses as they are before base64. An answer is "+ challenge" in base64
// by the script, "raw text" without, "ok text", or an error by its text.
type script struct {
	t      *testing.T
	turns  []string
	hidden *foreign.Secrets
}

func (s *script) turn(got string) (Step, error) {
	s.t.Helper()
	if len(s.turns) < 2 {
		s.t.Errorf("%q, which nobody wants", got)
		return Step{}, errCut
	}
	want, answer := s.turns[0], s.turns[1]
	s.turns = s.turns[2:]
	if got != want {
		s.t.Errorf("%q, want %q", got, want)
		return Step{}, errCut
	}
	for _, err := range []error{errNo, errLater, errUnknown, errNoInitial, errCut} {
		if answer == err.Error() {
			return Step{}, err
		}
	}
	how, text, _ := strings.Cut(answer, " ")
	switch how {
	case "+":
		return Step{Text: []byte(base64.StdEncoding.EncodeToString([]byte(text)))}, nil
	case "raw":
		return Step{Text: []byte(text)}, nil
	}
	return Step{Done: true, Text: []byte(text)}, nil
}

func (s *script) Begin(mechanism string, initial []byte) (Step, error) {
	if initial != nil {
		mechanism += " " + string(initial)
	}
	return s.turn(mechanism)
}

func (s *script) Answer(response []byte) (Step, error) { return s.turn("> " + string(response)) }

func (s *script) Cancel() error {
	_, err := s.turn("*")
	return err
}

func (s *script) Plainly(method, user, secret string) error {
	_, err := s.turn(method + " " + user + " " + secret)
	return err
}

func (s *script) Hide(h *foreign.Secrets) { s.hidden = h }

func (s *script) Means(err error) Refusal {
	switch err {
	case errNo:
		return Refused
	case errLater:
		return RefusedForNow
	case errUnknown:
		return UnknownMethod
	case errNoInitial:
		return NoInitial
	}
	return NoRefusal
}

func (s *script) end() {
	s.t.Helper()
	if len(s.turns) != 0 {
		s.t.Errorf("%q did not come", s.turns)
	}
}

func password(p string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return p, nil }
}
