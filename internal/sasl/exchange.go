package sasl

import (
	"bytes"
	"encoding/base64"
	"errors"

	gosasl "github.com/emersion/go-sasl"
)

// maxChallenges is more than any mechanism has.
const maxChallenges = 10

// exchange carries one mechanism from its beginning to its end (RFC 4422, section 3). inCommand: the first response may stand
// in the command. r.meaning is what an error means.
func (r *run) exchange(c gosasl.Client, inCommand bool) (early bool, err error) {
	mechanism, first, err := c.Start()
	if err != nil {
		return false, &ChallengeError{mechanism, err}
	}
	early = inCommand && first != nil && r.fits(mechanism, first)
	var step Step
	if early {
		step, err = r.wire.Begin(mechanism, append([]byte{}, first...)) // empty, but not nil
	} else {
		step, err = r.wire.Begin(mechanism, nil)
	}
	r.meaning = r.wire.Means(err)
	if err != nil {
		return early, err
	}
	owed := first != nil && !early
	for n := 0; !step.Done; n++ {
		challenge, bad := decode(step.Text)
		var answer []byte
		var fault error
		switch {
		case n == maxChallenges:
			fault = errTooMany
		case owed, n == 0 && early && overlooked(mechanism, challenge, bad):
			answer, owed = first, false // whatever the server says: "+ go ahead" is met
		case bad != nil && (mechanism == "CRAM-MD5" || isSCRAM(r.out.Method)):
			fault = errNotBase64
		default:
			if answer, fault = c.Next(challenge); errors.Is(fault, gosasl.ErrUnexpectedServerChallenge) {
				fault = errTooMany
			}
		}
		if fault != nil {
			return early, r.giveUp(mechanism, fault)
		}
		if mechanism == "CRAM-MD5" { // a digest is something that passwords can be tried on
			r.hideMore(string(answer[bytes.LastIndexByte(answer, ' ')+1:]), base64.StdEncoding.EncodeToString(answer))
		}
		if step, err = r.wire.Answer(answer); err != nil {
			if r.meaning = r.wire.Means(err); r.meaning > RefusedForNow {
				r.meaning = Refused // the server knew what it was asked
			}
			return early, err
		}
	}
	if owed {
		return early, &ChallengeError{mechanism, errTooEarly}
	}
	if s, ok := c.(*scramClient); ok {
		if err := s.finish(step.Text); err != nil {
			return early, &ChallengeError{mechanism, err}
		}
	}
	return early, nil
}

// fits tells whether a response may stand in the command.
func (r *run) fits(mechanism string, response []byte) bool {
	return len("AUTH ")+len(mechanism)+len(" ")+base64.StdEncoding.EncodedLen(len(response))+2 <= r.offer.Line
}

// overlooked tells that a challenge to a command that had the first response in it asks for that response: servers that
// do not look there say so, in whatever words.
func overlooked(mechanism string, challenge []byte, bad error) bool {
	switch mechanism {
	case "PLAIN", "EXTERNAL":
		return true
	case "XOAUTH2", "OAUTHBEARER":
		return bad != nil || !bytes.HasPrefix(bytes.TrimSpace(challenge), []byte("{"))
	}
	return bad != nil || len(challenge) == 0
}

// giveUp ends an exchange that makes no sense. A server that refuses after one question too many has refused; whatever else
// is wrong is no refusal.
func (r *run) giveUp(mechanism string, fault error) error {
	err := r.wire.Cancel()
	broken := r.wire.Means(err) == NoRefusal
	if r.meaning = NoRefusal; fault == errTooMany && !broken {
		r.meaning = Refused
	}
	if err != nil && (fault == errTooMany || broken) {
		return err
	}
	return &ChallengeError{mechanism, fault}
}

// decode reads base64 as servers write it: with blanks around it, or without padding.
func decode(text []byte) ([]byte, error) {
	text = bytes.TrimRight(bytes.TrimSpace(text), "=")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(out, text)
	return out[:n], err
}
