package verdict

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// judgeFacts judges what pop3, deliver, uidl and the system say.
func judgeFacts(err error) Verdict {
	v := Verdict{Class: Temporary, Message: words.Clip(err.Error())}
	var (
		target   *deliver.Error
		response *pop3.ResponseError
		login    *pop3.LoginError
		secret   *pop3.SecretError
		weaker   *sasl.DowngradeError
		offer    *sasl.OfferError
		nonsense *sasl.ChallengeError
		protocol *pop3.ProtocolError
		limit    *pop3.LimitError
		noTLS    *pop3.TLSError
		way      *dialer.Error
	)
	switch {
	case errors.Is(err, uidl.ErrBusy):
		v.Hint = "another popsync works on this account; wait for it"
	case errors.Is(err, uidl.ErrLocked):
		v.Hint = "another process uses the ledger; the next pass tries again"
	case errors.Is(err, uidl.ErrLeaseLost):
		v.Hint = "nothing was lost, and the next pass tries again"
	case errors.Is(err, uidl.ErrFull):
		v.Hint = "make room on the filesystem of state_dir; nothing was lost, and the next pass tries again"
	case errors.Is(err, uidl.ErrCorrupt), errors.Is(err, uidl.ErrForeign), errors.Is(err, uidl.ErrNewer):
		v.Class, v.Stop = Internal, true
	case errors.Is(err, uidl.ErrUnusable):
		v.Class, v.Stop, v.Hint = Internal, true, UnwrittenHint
	case errors.Is(err, uidl.ErrDoubt):
		v.Hint = "nothing was lost: the next pass finds out what the ledger has; if it goes on, look at the disk of state_dir"
	case errors.Is(err, context.Canceled):
		v.Message, v.Hint = "stopped", "what was received whole is safe; the next pass goes on"
	case errors.As(err, &target):
		switch {
		case RefusedByRelay(err):
			v.Class = Login
		case target.Permanent && target.Scope == deliver.WholeTarget:
			v.Class = Config
		}
		// The error's text ends with its hint, which has a place of its own here.
		v.Hint = target.Hint
		v.Message = strings.TrimSuffix(v.Message, " ("+target.Hint+")")
	case errors.As(err, &way): // before what it may hold of the network
		if way.Lasting() {
			v.Class = Config
		}
		v.Hint = way.Hint()
	case errors.As(err, &secret) && secret.Token:
		v.Class, v.Hint = Config, "there is no access token; correct what gives it, then say: popsync check"
	case errors.As(err, &secret):
		v.Class, v.Hint = Config, "correct the password setting of this account, then say: popsync check"
	case errors.As(err, &weaker):
		v.Class = Config
		v.Hint = fmt.Sprintf("no password was sent; ask the provider, and if it is meant to be so, name the way in auth, such as auth = %q", weaker.Left)
	case errors.As(err, &offer):
		v.Class, v.Hint = Config, `no password was sent; look at auth: "auto" takes what the server offers`
	case errors.As(err, &noTLS):
		if noTLS.Class().Lasting() {
			v.Class = Config
		}
		if v.Hint = noTLS.Hint(); v.Hint == "" {
			v.Hint = networkHint(err)
		}
	case errors.As(err, &login) && errors.As(err, &response):
		judgeLogin(&v, login.Method, response)
		soften(&v, response)
	case errors.As(err, &response):
		judgeResponse(&v, CodeOf(response))
	case errors.As(err, &limit) && limit.Num > 0:
		v.Hint = `it is far longer than the server lists it, and stays there; if that server's sizes are wrong, set sizes = "ignore" for the account`
	case errors.As(err, &limit):
		v.Hint = "raise the limit in [limits] if the server is right"
	case errors.As(err, &nonsense):
		v.Hint = "the server did not play by the rules of this way to log in, so the login was given up; if it goes on, ask the provider, or name another way in auth"
	case errors.As(err, &protocol):
		v.Hint = "the server does not speak POP3 as expected; check host, port and tls"
	case HungUpAtLogin(err):
		v.Message = words.Clip("the server closed the connection without a word when it was given the login (" + v.Message + ")")
		v.Hint = "some servers do that where username or password is wrong; if it goes on, " + LoginHint
	default:
		v.Hint = networkHint(err)
	}
	return v
}

// UnwrittenHint is the next step where the process must stop because of its ledger.
const UnwrittenHint = "the ledger could not be written; nothing more was fetched or deleted. Look at the disk of state_dir, then run popsync again"

func judgeResponse(v *Verdict, code string) {
	switch {
	case code == "AUTH":
		v.Class, v.Hint = Login, "check username and password"
	case code == "IN-USE":
		v.Hint = "another client has the mailbox open; the next pass tries again"
	case code == "LOGIN-DELAY":
		v.Hint = loginDelayHint
	case strings.HasPrefix(code, "SYS/PERM"):
		v.Class, v.Hint = Config, "the server says this needs a person: ask the provider"
	default:
		v.Hint = "the next pass tries again"
	}
}

func networkHint(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "the name could not be looked up; check host and the network"
	case errors.Is(err, pop3.ErrSlow):
		return "the next pass tries again; if the line is as slow as that, raise limits.answer or lower limits.least_rate"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "the next pass tries again; if the server never answers, check host, port and tls"
	case errors.As(err, &op) && op.Op == "dial":
		return "the next pass tries again; if it goes on, check host, port and the network"
	}
	return "the next pass tries again"
}
