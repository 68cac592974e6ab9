package fetcher

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Judge tells what an error of a pass means, for commands that look at a server without making one.
func Judge(err error) Verdict { return verdictOf(err) }

// judged is an error of our own, which says itself what it means. facts is what the errors of other rooms that it wraps mean,
// with its own text for a message.
type judged interface {
	error
	judge(facts Verdict) Verdict
}

// verdictOf is the one place where facts are judged: what an error means for the person and for the process. Unknown
// means temporary.
func verdictOf(err error) Verdict {
	if err == nil {
		return Verdict{Class: OK}
	}
	v := judgeFacts(err)
	var own judged
	if errors.As(err, &own) {
		return own.judge(v)
	}
	return v
}

// judgeFacts judges what pop3, deliver, uidl and the system say.
func judgeFacts(err error) Verdict {
	v := Verdict{Class: Temporary, Message: words.Clip(err.Error())}
	var (
		target   *deliver.Error
		response *pop3.ResponseError
		login    *pop3.LoginError
		secret   *pop3.SecretError
		protocol *pop3.ProtocolError
		limit    *pop3.LimitError
		noTLS    *pop3.TLSError
	)
	switch {
	case errors.Is(err, uidl.ErrBusy):
		v.Hint = "another popsync works on this account; wait for it"
	case errors.Is(err, uidl.ErrLocked), errors.Is(err, uidl.ErrLeaseLost):
		v.Hint = "another process uses the ledger; the next pass tries again"
	case errors.Is(err, uidl.ErrFull):
		v.Hint = "make room on the filesystem of state_dir; nothing was lost, and the next pass tries again"
	case errors.Is(err, uidl.ErrCorrupt), errors.Is(err, uidl.ErrForeign), errors.Is(err, uidl.ErrNewer):
		v.Class, v.Stop = Internal, true
	case errors.Is(err, context.Canceled):
		v.Message, v.Hint = "stopped", "what was received whole is safe; the next pass goes on"
	case errors.As(err, &target):
		switch {
		case refusedByRelay(err):
			v.Class = Login
		case target.Permanent && target.Scope == deliver.WholeTarget:
			v.Class = Config
		}
		// The error's text ends with its hint, which has a place of its own here.
		v.Hint = target.Hint
		v.Message = strings.TrimSuffix(v.Message, " ("+target.Hint+")")
	case errors.As(err, &secret):
		v.Class, v.Hint = Config, "correct the password setting of this account, then say: popsync check"
	case certificate(err):
		v.Class = Config
		v.Hint = "the server could not prove who it is, so no password was sent; check host and the clock, or name its CA in ca_file"
	case errors.Is(err, pop3.ErrNoSTLS), errors.As(err, &noTLS) && errors.As(err, &response):
		v.Class = Config
		v.Hint = `the server offers no STLS here, so no password was sent; try tls = "implicit" (port 995), which is the default`
	case errors.As(err, &noTLS) && noTLS.Misfit() != pop3.Fits:
		v.Class, v.Hint = Config, misfitHints[noTLS.Misfit()]
	case errors.As(err, &login) && errors.As(err, &response):
		judgeLogin(&v, codeOf(response))
		soften(&v, response)
	case errors.As(err, &response):
		judgeResponse(&v, codeOf(response))
	case errors.As(err, &limit) && limit.Num > 0:
		v.Hint = `it is far longer than the server lists it, and stays there; if that server's sizes are wrong, set sizes = "ignore" for the account`
	case errors.As(err, &limit):
		v.Hint = "raise the limit in [limits] if the server is right"
	case errors.As(err, &protocol):
		v.Hint = "the server does not speak POP3 as expected; check host, port and tls"
	case hungUpAtLogin(err):
		v.Message = words.Clip("the server closed the connection without a word when it was given the login (" + v.Message + ")")
		v.Hint = "some servers do that where username or password is wrong; if it goes on, " + loginHint
	default:
		v.Hint = networkHint(err)
	}
	return v
}

// misfitHints are the next steps where TLS cannot come about as things are set.
var misfitHints = map[pop3.Misfit]string{
	pop3.MisfitVersion:   "the server speaks no TLS newer than 1.1, which is not safe, so no password was sent; ask the provider for a server with TLS 1.2, or for another host or port",
	pop3.MisfitCiphers:   "the server and popsync have no safe encryption in common (its key exchange or its ciphers are too old), so no password was sent; ask the provider for another host or port",
	pop3.MisfitPlaintext: `the server greets without TLS on this port, so no password was sent; use the port for TLS (995), or tls = "starttls" on this one`,
	pop3.MisfitTLSFirst:  `the server expects TLS at once on this port, so no password was sent; set tls = "implicit", which is the default`,
	pop3.MisfitProtocol:  "the server offers another protocol than POP3 on this port, so no password was sent; check host and port",
}

// hungUpAtLogin tells that the server closed the connection instead of answering a login.
func hungUpAtLogin(err error) bool {
	var conn *pop3.ConnError
	return errors.As(err, &conn) && (conn.Command == "PASS" || conn.Command == "AUTH") && conn.HungUp()
}

// judgeLogin tells a refused login from a server that cannot do it now (RFC 2449, section 8; RFC 3206).
func judgeLogin(v *Verdict, code string) {
	switch {
	case code == "" || code == "AUTH":
		v.Class, v.Hint = Login, loginHint
	default:
		judgeResponse(v, code)
	}
}

// loginHint is the next step after a refused login where nothing is known of the provider.
const loginHint = "check username and password, and that the provider allows POP3 for this mailbox (many want it switched on, or an app password)"

// codeOf is the response code of a refusal, or of a login what its text means: see passing.
func codeOf(r *pop3.ResponseError) string {
	switch r.Command {
	case "greeting", "USER", "PASS", "AUTH":
		return cmp.Or(r.Code, passing(r.Text))
	}
	return r.Code
}

// saidInWords tells of a refusal without a response code.
func saidInWords(err error) bool {
	var r *pop3.ResponseError
	return errors.As(err, &r) && r.Code == ""
}

// loginRefused tells whether a server refused this user with this secret, what it said, and whether with a code.
func loginRefused(err error) (text string, coded, ok bool) {
	var login *pop3.LoginError
	var response *pop3.ResponseError
	if !errors.As(err, &login) || !errors.As(err, &response) {
		return "", false, false
	}
	code := codeOf(response)
	return cmp.Or(response.Text, "no reason given"), code == "AUTH", code == "AUTH" || code == ""
}

// refusedByRelay tells whether a destination refused our login.
func refusedByRelay(err error) bool {
	var e *deliver.Error
	return errors.As(err, &e) && e.Op == "login" && e.Permanent
}

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
	case certificate(err), errors.Is(err, pop3.ErrNoSTLS), errors.As(err, &noTLS) && (errors.As(err, &response) || noTLS.Misfit() != pop3.Fits):
		return waitFault
	case hungUpAtLogin(err):
		return waitHungUp
	case errors.As(err, &response):
		switch code := codeOf(response); {
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

const loginDelayHint = "the server wants more time between logins; use a slower schedule"

// soften takes back a hint about the schedule where a server only says in words that a login may work later: that may be
// about a quota, or about something that is down.
func soften(v *Verdict, r *pop3.ResponseError) {
	if v.Hint == loginDelayHint && r.Code == "" && !foreign.Says(foreign.Words(r.Text), apart) {
		v.Hint = "the server says that it may work later: it is tried again after a while; if it goes on, ask the provider"
	}
}

// certificate tells whether the server's certificate was refused.
func certificate(err error) bool {
	var e *pop3.TLSError
	return errors.As(err, &e) && e.Certificate()
}

func networkHint(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return "the name could not be looked up; check host and the network"
	case errors.Is(err, pop3.ErrSlow):
		return "the next pass tries again; if the line is as slow as that, raise limits.answer or lower limits.least_rate"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "the next pass tries again; if the server never answers, check host, port and tls"
	case errors.As(err, &notTLS):
		return "check host, port and tls"
	case errors.As(err, &op) && op.Op == "dial":
		return "the next pass tries again; if it goes on, check host, port and the network"
	}
	return "the next pass tries again"
}

// verdictOf is the verdict of the whole pass: of the error that ended it, else of the worst that befell it.
func (p *pass) verdictOf(err error) Verdict {
	v := verdictOf(err)
	if v.Stop {
		return v
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.worst {
		if severity[w.Class] > severity[v.Class] {
			v = w
		}
	}
	for _, d := range p.dests {
		if w := verdictOf(d.stageFailure()); severity[w.Class] > severity[v.Class] {
			v = w
		}
		if w := verdictOf(d.publishFailure()); severity[w.Class] > severity[v.Class] {
			if d.down != nil {
				w = d.down.told(w)
			}
			v = w
		}
	}
	if v.Class != OK {
		return v
	}
	return p.openVerdict()
}

// severity orders classes for one exit code: see cmd/popsync.
var severity = map[Class]int{OK: 0, Temporary: 1, Login: 2, Internal: 3, Config: 4}

// Worse tells whether a outranks b when accounts differ: 78, 70, 77, 75, 0 in this order.
func Worse(a, b Class) bool { return severity[a] > severity[b] }

// text is the verdict as it is stored.
func (v Verdict) text() string {
	if v.Hint == "" {
		return v.Message
	}
	return words.Clip(v.Message + " (" + v.Hint + ")")
}

// scopeOf tells what an error of a destination is about; what is no deliver.Error is about the whole of it.
func scopeOf(err error) deliver.Scope {
	var e *deliver.Error
	if errors.As(err, &e) {
		return e.Scope
	}
	return deliver.WholeTarget
}

// permanent tells whether trying the same message again is pointless.
func permanent(err error) bool {
	var e *deliver.Error
	return errors.As(err, &e) && e.Permanent && e.Scope == deliver.ThisMessage
}

// chargeable tells whether an error that ended a session before anything of a message's answer came can be that
// message's fault: the server closed, stalled or garbled. A broken network is nobody's.
func chargeable(err error) bool {
	var protocol *pop3.ProtocolError
	return endless(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &protocol)
}

// saysGone tells that a server refuses a message because it does not have it any more: another client deleted it after the
// listing. A code that names another reason counts for more than words.
func saysGone(err error) bool {
	var r *pop3.ResponseError
	return errors.As(err, &r) && r.Gone && r.Code != "AUTH" && r.Code != "IN-USE" && r.Code != "LOGIN-DELAY"
}

// disconnected tells that the connection ended, other than by silence.
func disconnected(err error) bool {
	var conn *pop3.ConnError
	return errors.As(err, &conn) && !conn.Timeout()
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
