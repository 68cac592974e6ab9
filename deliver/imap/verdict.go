package imap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/trust"
)

// moment is when a server refused something.
type moment int

const (
	atFolder  moment = iota // before any of the message was sent
	atMessage               // after
)

// facts are what one refusal says.
type facts struct {
	whole     bool // no message gets in
	permanent bool
	full      bool
	missing   bool // the folder is
	wait      time.Duration
	hint      string
}

const (
	hintFolder = "make the folder there, or set create = true for this destination"
	hintRights = "check what this login may do in this folder"
	dayLimit   = time.Hour // for limits that a provider counts by the day, and does not say when it is over
)

// judged is the table of what a server may answer to APPEND, STATUS and the like: how long it says to wait, or the code in brackets (RFC 5530,
// RFC 9051, section 7.1) comes first, then words that are known, then the moment.
func judged(e *replyError, at moment) facts {
	f := meant(e, at)
	if at == atFolder && e.verb != appendVerb && !f.whole { // there is no message that it could be about
		f.whole, f.permanent = true, false
	}
	return f
}

func meant(e *replyError, at moment) facts {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(e.words, w) })
	}
	if wait := backoff(e.words); wait > 0 {
		return facts{whole: true, wait: wait}
	}
	switch e.code {
	case "TRYCREATE", "NONEXISTENT":
		return facts{whole: true, permanent: true, missing: true, hint: hintFolder}
	case "NOPERM", "CONTACTADMIN", "PRIVACYREQUIRED", "READ-ONLY":
		return facts{whole: true, permanent: true, hint: hintRights}
	case "TOOBIG":
		return facts{permanent: true}
	case "OVERQUOTA":
		if has("bandwidth", "command") {
			return facts{whole: true, wait: dayLimit}
		}
		return facts{full: true}
	case "LIMIT", "INUSE", "UNAVAILABLE", "SERVERBUG", "THROTTLED", "CORRUPTION", "EXPUNGEISSUED":
		return facts{whole: true}
	case "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED": // after a login that was good: the next one tells more
		return facts{whole: true}
	case "CANNOT":
		if at == atFolder {
			return facts{whole: true, permanent: true, hint: "choose another name for the folder"}
		}
		return facts{permanent: true}
	case "UNKNOWN-CTE", "CLIENTBUG", "BADCHARSET", "PARSE":
		return facts{permanent: true}
	}
	switch {
	case has("throttled", "backoff time", "try again later", "rate limit", "temporarily", "server unavailable", "service unavailable",
		"shutting down", "maintenance", "is locked", "in use", "connection is closed", "session invalidated"), manyTimes(e.words):
		return facts{whole: true}
	case has("bandwidth limit", "command or bandwidth"):
		return facts{whole: true, wait: dayLimit}
	case has("quota", "mailbox is full", "mailbox full", "disk full", "no space"):
		return facts{full: true}
	case has("too big", "too large", "maximum size", "message size", "exceeds the maximum", "larger than"):
		return facts{permanent: true}
	case has("invalid header", "contains nul", "bare newline", "invalid character", "unable to parse", "command argument error", "command error. 1",
		"non-ascii", "8-bit", "body separator"):
		return facts{permanent: true}
	case has("read-only", "readonly", "permission denied", "access denied", "no rights", "authenticated but not connected"):
		return facts{whole: true, permanent: e.status == "NO", hint: hintRights}
	case has("no such mailbox", "mailbox does not exist", "mailbox doesn't exist", "unknown mailbox", "nonexistent", "no such folder",
		"folder does not exist", "folder doesn't exist", "unknown folder", "[trycreate]"): // mailutils has its code within the text
		return facts{whole: true, permanent: true, missing: true, hint: hintFolder}
	case at == atFolder && has(cannotOpen):
		return facts{whole: true, hint: hintFolder}
	case e.status == "BAD": // Exchange says so of single messages
		return facts{permanent: !has("internal", "unavailable", "server error", "i/o error", "system error", "timeout", "timed out", "try again", "busy")}
	}
	return facts{}
}

// manyTimes tells of words that somebody comes too often, or with too much at once. A message with too many of something is not meant.
func manyTimes(words string) bool {
	_, of, ok := strings.Cut(words, "too many ")
	return ok && slices.ContainsFunc([]string{"simultaneous", "concurrent", "connection", "session", "request", "command", "login", "attempt", "message", "operation"},
		func(w string) bool { return strings.HasPrefix(of, w) })
}

// lapsed tells of a refusal, later than the login, after which this connection is no use any more: its access token has expired.
func (e *replyError) lapsed() bool {
	return e.verb != "LOGIN" && e.verb != authenticate && (e.code == "AUTHENTICATIONFAILED" || e.code == "AUTHORIZATIONFAILED" || e.code == "EXPIRED")
}

// blamesDate tells of a refusal that may be about the date that was sent with the message.
func (r *result) blamesDate() bool {
	if r.refused == nil || !r.dated || r.refused.status != "BAD" {
		return false
	}
	f := judged(r.refused, r.at)
	return f.permanent && !f.whole
}

// maxBackoff bounds what a server may ask for.
const maxBackoff = 24 * time.Hour

// backoff is the wait that a server suggests, in milliseconds ("Suggested Backoff Time: 299609 milliseconds"); 0: none.
func backoff(words string) time.Duration {
	head, _, ok := strings.Cut(words, " milliseconds")
	if !ok {
		return 0
	}
	ms, err := strconv.ParseUint(head[strings.LastIndexAny(head, " :")+1:], 10, 63)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(min(ms, uint64(maxBackoff/time.Millisecond))) * time.Millisecond
}

// parting is the wait that a server suggested as it hung up; 0: it did not.
func parting(err error) time.Duration {
	var conn *connError
	if !errors.As(err, &conn) {
		return 0
	}
	return backoff(strings.ToLower(conn.bye))
}

// badRow is how many different messages in a row have to be answered by BAD for it to be no fault of theirs.
const badRow = 3

// judge turns what became of a message into the answer of Send. missed tells that the folder was said to be missing, and is there.
func (s *Sender) judge(ctx context.Context, t *task, r *result, missed bool) error {
	if r.there || r.taken() {
		s.good()
		return nil
	}
	e := &deliver.Error{Op: "send", Place: s.Place(), Scope: deliver.ThisMessage}
	var record *recordError
	switch {
	case r.unsure != nil:
		return fmt.Errorf("look in %s: %w", s.Place(), r.unsure)
	case r.doubt:
		e.Scope, e.Uncertain, e.Err, e.Wait = deliver.WholeTarget, true, r.err, parting(r.err)
		if ctx.Err() != nil {
			e.Err = fmt.Errorf("%w: %w", ctx.Err(), r.err)
		}
	case ctx.Err() != nil:
		return ctx.Err()
	case r.source != nil:
		e.Op, e.Local, e.Err = "read", true, r.source
	case r.unfit != nil:
		e.Permanent, e.Err = true, r.unfit
	case r.refused != nil:
		s.refusal(e, t, r, missed)
	case errors.As(r.err, &record):
		e.Scope, e.Local, e.Err = deliver.WholeTarget, true, r.err
		e.Hint = "see to it that the state directory can be written to"
	default:
		e.Scope, e.Err, e.Wait = deliver.WholeTarget, r.err, parting(r.err)
	}
	return e
}

// good ends a row of messages that were answered by BAD.
func (s *Sender) good() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = nil
}

// refusal fills in what a refusal says.
func (s *Sender) refusal(e *deliver.Error, t *task, r *result, missed bool) {
	f := judged(r.refused, r.at)
	e.Err, e.Permanent, e.Full, e.Wait, e.Hint = r.refused, f.permanent, f.full, f.wait, f.hint
	if f.whole {
		e.Scope = deliver.WholeTarget
	}
	e.Envelope = r.at == atFolder && r.begun && !f.whole && !f.full && !f.permanent
	switch {
	case f.missing && missed && r.begun: // it is there: the server refuses this message in odd words, if it has seen it
		if e.Hint = ""; r.at == atMessage {
			e.Scope = deliver.ThisMessage
		} else {
			e.Permanent = false
		}
	case r.refused.status == "BAD" && e.Scope == deliver.ThisMessage:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.bad == nil {
			s.bad = map[string]bool{}
		}
		if s.bad[t.id] = true; len(s.bad) >= badRow {
			e.Scope, e.Permanent = deliver.WholeTarget, false
			e.Hint = "the server took none of several messages for a command that it knows"
		}
	}
}

// unreachable is for a connection that could not be opened, up to and with the login and the name of the folder.
func (s *Sender) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &deliver.Error{Op: "connect", Place: s.o.Address, Scope: deliver.WholeTarget, Err: err, Wait: parting(err)}
	var (
		conn    *connError
		refused *replyError
		failed  *trust.Failure
		tls     *tlsError
		dns     *net.DNSError
		secret  *sasl.SecretError
		offer   *sasl.OfferError
		weaker  *sasl.DowngradeError
		folder  *folderError
		way     *dialer.Error
	)
	switch {
	case errors.As(err, &way):
		e.Permanent, e.Hint = way.Lasting(), way.Hint()
	case errors.Is(err, errTLSFirst):
		e.Permanent, e.Hint = true, trust.TLSFirst.Hint()
	case errors.As(err, &failed):
		e.Permanent, e.Hint = failed.Class.Lasting(), failed.Hint()
	case errors.As(err, &tls):
		e.Hint = "check the port and when TLS starts on it"
	case errors.Is(err, errNoStartTLS): // a server may have mislaid its certificate for an hour
		e.Hint = trust.NoStartTLS.Hint()
	case errors.As(err, &weaker):
		e.Op, e.Permanent = "login", true
		e.Hint = `ask who runs the server; if it is meant to be so, name the way in auth, such as auth = "` + named(weaker.Left) + `"`
	case errors.As(err, &offer):
		e.Hint = "some servers offer a login only after TLS, or only by access tokens"
	case errors.As(err, &secret):
		e.Op = "login"
	case errors.As(err, &folder):
		e.Op, e.Permanent, e.Hint = "find", true, folder.hint
	case errors.As(err, &refused) && (refused.verb == "LOGIN" || refused.verb == authenticate):
		e.Op = "login"
		if unavailable(refused) {
			e.Wait = backoff(refused.words)
			break
		}
		e.Login = true
		if e.Permanent = refused.status == "NO" && !passing(refused); e.Permanent {
			e.Hint = cmp.Or(sasl.Read(refused.text).Hint(), "check username and password")
		}
		if refused.code == "PRIVACYREQUIRED" {
			e.Hint = "this server wants TLS before the login"
		}
	case errors.As(err, &refused):
		e.Wait = judged(refused, atFolder).wait
	case errors.As(err, &dns):
		e.Hint = "check the name in the address"
	case errors.As(err, &conn) && conn.verb == "connect":
		e.Hint = "check the address, and whether the server runs"
	case errors.As(err, &conn) && conn.verb == "greeting":
		e.Hint = "check the port and when TLS starts on it"
	}
	return e
}
