package gmail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/trust"
)

// facts are what one refusal says.
type facts struct {
	whole     bool // no message gets in
	permanent bool
	full      bool
	login     bool
	fast      bool // requests come too fast: rest, and go on
	label     bool // the id of a label is none any more
	bare      bool // no reason is given: some of these pass
	broken    bool // something broke at Gmail, which may be the message's fault
	wait      time.Duration
	hint      string
}

const (
	hintScopes = "log in again, and leave all boxes ticked that Google shows: popsync login ACCOUNT"
	hintLogin  = "log in again: popsync login ACCOUNT"
	hintAPI    = `switch on the Gmail API in the Google Cloud project of your client (APIs & Services, Library, "Gmail API"), and wait a few minutes`
	hintAdmin  = "the administrator of this Google Workspace has to allow it"
	hintNoMail = "check that this account has Gmail; a service account must stand for a user: username is that user's address"
	hintSize   = "Gmail takes 150 MB by this interface, 34 MB by IMAP, and 25 MB of attachments where people send"
	dayLimit   = time.Hour // for limits that count by the day, where Gmail does not say when they are over
)

// judged is the table of what Gmail may answer: its reasons come first, then words that are known, then the status.
func judged(e *refusal) facts {
	about := e.verb == verbImport || e.verb == verbUpload
	switch {
	case e.status == http.StatusUnauthorized:
		return facts{whole: true, permanent: true, login: true, hint: hintLogin}
	case e.is("dailyLimitExceeded"), e.says("daily limit", "bandwidth"):
		wait := e.wait
		orDefault(&wait, dayLimit)
		return facts{whole: true, wait: wait}
	case e.is("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "concurrentLimitExceeded"), e.says("rate limit", "rate exceeded", "quota exceeded for quota metric", "too many"):
		return facts{whole: true, fast: true, wait: e.wait}
	case e.is("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), e.says("insufficient authentication scopes", "insufficient permission"):
		return facts{whole: true, permanent: true, login: true, hint: hintScopes}
	case e.is("accessNotConfigured", "SERVICE_DISABLED"), e.says("has not been used in project", "api has not been", "is disabled"):
		return facts{whole: true, permanent: true, hint: hintAPI}
	case e.is("domainPolicy", "adminPolicyEnforced"), e.says("delegation denied"):
		return facts{whole: true, permanent: true, hint: hintAdmin}
	case e.is("failedPrecondition", "FAILED_PRECONDITION"), e.says("mail service not enabled", "precondition check failed"):
		return facts{whole: true, permanent: true, hint: hintNoMail}
	case e.is("uploadTooLarge"), e.status == http.StatusRequestEntityTooLarge, e.status == http.StatusBadRequest && e.says("too large", "too big", "exceeds the maximum", "size limit"):
		return facts{permanent: true, hint: hintSize}
	case e.says("storage", "mailbox is full", "over quota", "quota"):
		return facts{full: true, wait: e.wait}
	case e.status == http.StatusTooManyRequests, e.is("RESOURCE_EXHAUSTED"):
		return facts{whole: true, fast: true, wait: e.wait}
	case e.says("label") && (e.status == http.StatusBadRequest || e.status == http.StatusNotFound):
		if e.verb == "make label" {
			return facts{whole: true, permanent: true, hint: "choose another name for the label"}
		}
		return facts{whole: true, label: true, hint: "look at labels of this destination"}
	case about && e.status == http.StatusBadRequest && e.says("header", "attachment", "mime", "malformed", "unable to parse"):
		return facts{permanent: true}
	case about && e.status == http.StatusBadRequest:
		return facts{permanent: true, bare: true}
	case e.status == http.StatusForbidden:
		return facts{whole: true, permanent: true, hint: "Gmail does not allow it to this login; look at the project of your client in the Google Cloud console"}
	case about && (e.status == http.StatusInternalServerError):
		return facts{broken: true, wait: e.wait}
	}
	return facts{whole: true, wait: e.wait}
}

// oddRow is how many different messages in a row have to fail without a reason for it to be no fault of theirs.
const oddRow = 3

// judge turns what became of a message into the answer of Send.
func (s *Sender) judge(ctx context.Context, t *task, id string, err error) error {
	var (
		conn   *connError
		no     *refusal
		source *sourceError
		record *recordError
	)
	e := &deliver.Error{Op: "send", Place: s.Place(), Scope: deliver.WholeTarget, Err: err}
	switch {
	case err == nil:
		return s.settled(t, id)
	case errors.As(err, &conn) && conn.whole && (conn.verb == verbImport || conn.verb == verbUpload):
		if e.Uncertain = true; ctx.Err() != nil {
			e.Err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &source):
		e.Op, e.Scope, e.Local = "read", deliver.ThisMessage, true
	case errors.As(err, &record):
		e.Local, e.Hint = true, "see to it that the state directory can be written to"
	case errors.As(err, &no):
		s.refusal(e, t, no)
	default:
		s.unreachable(e, err)
	}
	return e
}

// refusal fills in what a refusal says.
func (s *Sender) refusal(e *deliver.Error, t *task, no *refusal) {
	f := judged(no)
	e.Permanent, e.Full, e.Login, e.Wait, e.Hint = f.permanent, f.full, f.login, max(f.wait, no.wait), f.hint
	about := no.verb == verbImport || no.verb == verbUpload
	// Of a message without a Message-ID nobody knows whether it is there after an answer of this kind, unless its session tells.
	e.Uncertain = about && no.status >= 500 && !t.named
	if e.Login {
		e.Op = "login"
	}
	if !f.whole {
		e.Scope = deliver.ThisMessage
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.bare || f.broken {
		if s.odd == nil {
			s.odd = map[string]bool{}
		}
		s.odd[t.id] = true
	}
	switch {
	case (f.bare || f.broken) && len(s.odd) >= oddRow:
		e.Scope, e.Permanent = deliver.WholeTarget, false
		e.Hint = "Gmail refused several messages in a row and gave no reason that is about them"
	case f.bare:
		// Some were taken later: the second time counts.
		before, err := s.rec.once(t.id)
		e.Permanent = before && err == nil
	}
	if e.Scope == deliver.ThisMessage && e.Permanent {
		_ = s.rec.end(t.id)
	}
}

// unreachable is for what kept Gmail from answering.
func (s *Sender) unreachable(e *deliver.Error, err error) {
	var (
		conn   *connError
		failed *trust.Failure
		tls    *tlsError
		dns    *net.DNSError
		token  *tokenError
		way    *dialer.Error
	)
	switch {
	case errors.As(err, &token):
		e.Op = "login"
	case errors.As(err, &way):
		e.Op, e.Permanent, e.Hint = "connect", way.Lasting(), way.Hint()
	case errors.As(err, &failed):
		e.Op, e.Permanent, e.Hint = "connect", failed.Class.Lasting(), failed.Hint()
	case errors.As(err, &tls):
		e.Op, e.Hint = "connect", "check the network: something between this machine and Google may not let TLS through"
	case errors.As(err, &dns):
		e.Op, e.Hint = "connect", "the name could not be looked up; check the network"
	case errors.As(err, &conn) && conn.verb == "connect":
		e.Op, e.Hint = "connect", "check the network"
	case errors.Is(err, errAnswer):
		e.Hint = "something between this machine and Google may answer in its place"
	}
}

// printable makes foreign text harmless wherever it is printed.
func printable(s string) string { return foreign.Show([]byte(s), maxText) }
