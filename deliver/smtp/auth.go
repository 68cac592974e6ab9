package smtp

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

// maxAuth is the longest AUTH command with a response in it: that of any command (RFC 4954, section 4).
const maxAuth = 512

// login logs in as internal/sasl says (RFC 4954), and remembers what worked.
func (c *session) login(ctx context.Context) error {
	if c.tls == nil && !c.o.AllowPlain {
		return errPlain
	}
	_, announced := c.caps["AUTH"]
	offer := sasl.Offer{Known: announced, Mechanisms: strings.Fields(strings.ToUpper(c.caps["AUTH"])), Line: maxAuth, TokenApart: true, TLS: c.tls}
	l := sasl.Login{Username: c.o.Username, Password: c.o.Password, Token: c.o.Token, Auth: c.o.Auth}
	c.o.logins.Prepare(&l)
	if host, port, err := net.SplitHostPort(c.o.Address); err == nil {
		l.Host = host
		l.Port, _ = strconv.Atoi(port)
	}
	out, err := sasl.Run(ctx, l, offer, auth{c})
	if err != nil {
		return auth{c}.error(err)
	}
	c.o.logins.Note(out, out.Method)
	c.method = out.Method
	return nil
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
type auth struct{ c *session }

// Begin sends AUTH.
func (a auth) Begin(mechanism string, initial []byte) (sasl.Step, error) {
	line := "AUTH " + mechanism
	if initial != nil {
		line += " " + base64.StdEncoding.EncodeToString(initial)
		if len(initial) == 0 {
			line += "="
		}
	}
	return a.step(a.c.command("AUTH", line))
}

// Answer sends a response.
func (a auth) Answer(response []byte) (sasl.Step, error) {
	return a.step(a.c.command("AUTH", base64.StdEncoding.EncodeToString(response)))
}

func (a auth) step(r reply, err error) (sasl.Step, error) {
	switch {
	case err != nil:
		return sasl.Step{}, err
	case r.code == 334, r.code == 235:
		return sasl.Step{Done: r.code == 235, Text: []byte(r.lines[0])}, nil
	}
	return sasl.Step{}, a.c.unexpected("AUTH", r)
}

// Cancel gives up.
func (a auth) Cancel() error {
	r, err := a.c.command("AUTH", "*")
	switch {
	case err != nil:
		return err
	case r.refused():
		return a.c.refusal("AUTH", r)
	}
	return a.c.odd("AUTH", r)
}

// Plainly is for protocols with logins of their own.
func (a auth) Plainly(method, _, _ string) error { return errors.New("no " + method + " in SMTP") }

// Hide notes what a server might echo and an error must not show.
func (a auth) Hide(s *foreign.Secrets) {
	a.c.secrets = s
	a.c.w.log.Hide(s)
}

// Means tells what a refusal is about: 4yz passes, 500, 502 and 504 are about the command or the mechanism (RFC 5321, section 4.2.1),
// 501 and a line that is too long about what stands behind it (RFC 4954, section 4).
func (a auth) Means(err error) sasl.Refusal {
	var refused *replyError
	switch {
	case !errors.As(err, &refused) || a.c.broken:
		return sasl.NoRefusal
	case refused.reply.code/100 == 4:
		return sasl.RefusedForNow
	case refused.reply.detail() == "5.6", refused.reply.code == 501 && !strings.HasPrefix(refused.reply.detail(), "7."):
		return sasl.NoInitial
	case refused.reply.code == 500, refused.reply.code == 502, refused.reply.code == 504:
		return sasl.UnknownMethod
	}
	return sasl.Refused
}

// error makes one of ours of an error of sasl.Run.
func (a auth) error(err error) error {
	var nonsense *sasl.ChallengeError
	if errors.As(err, &nonsense) {
		a.c.broken = true // the server may even take us for logged in
		return &connError{verb: "AUTH", err: err}
	}
	return err
}
