package imap

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/sasl"
)

// maxAuth is the longest AUTHENTICATE with a response in it (RFC 9051, section 4), less what internal/sasl does not count.
const maxAuth = 8<<10 - 32

// login logs in as internal/sasl says, and remembers what worked. LOGIN is what that calls "user", and the mechanism of the same name is
// used only where there is no LOGIN.
func (c *session) login(ctx context.Context) error {
	if c.tls == nil && !c.o.AllowPlain {
		return errPlain
	}
	offer := sasl.Offer{Known: true, User: c.o.Token == nil && !c.caps["LOGINDISABLED"], TLS: c.tls}
	for word := range c.caps {
		if name, ok := strings.CutPrefix(word, "AUTH="); ok {
			offer.Mechanisms = append(offer.Mechanisms, name)
		}
	}
	if c.caps["SASL-IR"] { // RFC 4959
		offer.Line = maxAuth
	}
	l := sasl.Login{Username: c.o.Username, Password: c.o.Password, Token: c.o.Token, Auth: c.o.Auth}
	if l.Auth == command && offer.User {
		l.Auth = "user"
	}
	c.o.logins.Prepare(&l)
	if host, port, err := net.SplitHostPort(c.o.Address); err == nil {
		l.Host = host
		l.Port, _ = strconv.Atoi(port)
	}
	a := &auth{c: c}
	out, err := sasl.Run(ctx, l, offer, a)
	if err != nil {
		return a.error(err)
	}
	c.o.logins.Note(out, named(out.Method))
	c.method = named(out.Method)
	return nil
}

// command is LOGIN, as people name it.
const command = "login"

// named is a method as people name it.
func named(method string) string {
	if method == "user" {
		return command
	}
	return method
}

// Recall implements deliver.Learner. What worked before methods were remembered sent the password.
func (s *Sender) Recall(learned string) {
	if learned == deliver.LearnedNothing {
		learned = sasl.Password
	}
	s.o.logins.Recall(learned)
}

// Learned implements deliver.Learner: the method that logged in.
func (s *Sender) Learned() (learned, news string) { return s.o.logins.Learned() }

// auth is a session as the sasl.Wire of its login.
type auth struct {
	c     *session
	tag   string // of the command
	early bool   // a response stood in it
	begun bool   // the server has asked for something
}

const authenticate = "AUTHENTICATE"

// Begin sends AUTHENTICATE. What was learned of the server before is dropped: it may be able to do more, or less, for this user.
func (a *auth) Begin(mechanism string, initial []byte) (sasl.Step, error) {
	a.tag, a.early, a.begun = a.c.tag(), initial != nil, false
	line := a.tag + " " + authenticate + " " + mechanism
	if a.early {
		line += " " + base64.StdEncoding.EncodeToString(initial)
		if len(initial) == 0 {
			line += "="
		}
	}
	a.c.caps = nil
	return a.step(line)
}

// Answer sends a response.
func (a *auth) Answer(response []byte) (sasl.Step, error) {
	a.begun = true
	return a.step(base64.StdEncoding.EncodeToString(response))
}

func (a *auth) step(line string) (sasl.Step, error) {
	if err := a.c.send(authenticate, line); err != nil {
		return sasl.Step{}, err
	}
	r, err := a.c.receive(authenticate, a.tag, nil, a.c.o.Timeouts.Reply)
	if err == nil && r.tag != "+" {
		err = a.c.judge(authenticate, &r)
	}
	if err != nil {
		return sasl.Step{}, err
	}
	return sasl.Step{Done: r.tag != "+", Text: []byte(r.text)}, nil
}

// Cancel gives up.
func (a *auth) Cancel() error {
	_, err := a.step("*")
	if err == nil { // it took what was no answer for a login, or asks for more
		err = a.c.fail(authenticate, errOdd)
	}
	return err
}

// Plainly is LOGIN (RFC 9051, section 6.2.3).
func (a *auth) Plainly(method, username, secret string) error {
	if method != "user" {
		return errors.New("no " + method + " in IMAP")
	}
	a.c.caps, a.early, a.begun = nil, false, true
	_, err := a.c.command("LOGIN", nil, "LOGIN ", text(username), " ", text(secret))
	return err
}

// Hide notes what a server might echo and an error must not show.
func (a *auth) Hide(s *foreign.Secrets) {
	a.c.secrets = s
	a.c.w.log.Hide(s)
}

// Means tells what a refusal is about, by the code (RFC 5530), and else by the moment: BAD to the first line is about the command, the
// mechanism, or the response in it, and so is NO in words that say so.
func (a *auth) Means(err error) sasl.Refusal {
	var refused *replyError
	if !errors.As(err, &refused) || a.c.broken {
		return sasl.NoRefusal
	}
	switch {
	case passing(refused):
		return sasl.RefusedForNow
	case a.begun || refused.code == "AUTHENTICATIONFAILED" || refused.code == "AUTHORIZATIONFAILED" || refused.code == "EXPIRED":
		return sasl.Refused
	case refused.status == "BAD" && a.early:
		return sasl.NoInitial
	case refused.status == "BAD", refused.code == "CANNOT":
		return sasl.UnknownMethod
	}
	for _, words := range []string{"unsupported", "not supported", "unknown mechanism", "unknown authentication", "no mechanism available", "unrecognized"} {
		if strings.Contains(refused.words, words) {
			return sasl.UnknownMethod
		}
	}
	return sasl.Refused
}

// passing tells of a refused login that is about neither user nor secret: it may be otherwise in a moment.
func passing(e *replyError) bool { return unavailable(e) || strings.Contains(e.words, "temporar") }

// unavailable tells that the code says so.
func unavailable(e *replyError) bool {
	switch e.code {
	case "UNAVAILABLE", "LIMIT", "INUSE", "SERVERBUG", "THROTTLED":
		return true
	}
	return false
}

// error makes one of ours of an error of sasl.Run.
func (a *auth) error(err error) error {
	var nonsense *sasl.ChallengeError
	if errors.As(err, &nonsense) {
		a.c.broken = true // the server may even take us for logged in
		return &connError{verb: authenticate, err: err}
	}
	return err
}
