package smtp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/trust"
)

// message is an error about one message that never reached the server.
func (s *Sender) message(op string, permanent bool, err error) error {
	return &deliver.Error{Op: op, Place: s.o.Address, Scope: deliver.ThisMessage, Permanent: permanent, Local: !permanent, Err: err}
}

func errLength(got, want int64) error {
	return fmt.Errorf("the message has %d octets instead of %d", got, want)
}

// unreachable is for a connection that could not be opened, up to and with the login.
func (s *Sender) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &deliver.Error{Op: "connect", Place: s.o.Address, Scope: deliver.WholeTarget, Err: err}
	var (
		conn    *connError
		refused *replyError
		failed  *trust.Failure
		tls     *tlsError
		dns     *net.DNSError
		secret  *sasl.SecretError
		offer   *sasl.OfferError
		weaker  *sasl.DowngradeError
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
	case errors.Is(err, errNoStartTLS): // a mail server may have mislaid its certificate for an hour
		e.Hint = trust.NoStartTLS.Hint()
	case errors.As(err, &weaker):
		e.Op, e.Permanent = "login", true
		e.Hint = `ask who runs the server; if it is meant to be so, name the way in auth, such as auth = "` + weaker.Left + `"`
	case errors.As(err, &offer):
		e.Hint = "some servers offer a login only after TLS, or not on this port"
	case errors.As(err, &secret):
		e.Op = "login"
	case errors.As(err, &refused) && refused.verb == "AUTH":
		e.Op, e.Login = "login", true
		if e.Permanent = refused.reply.code/100 == 5; e.Permanent {
			e.Hint = cmp.Or(sasl.Read(refused.text).Hint(), "check username and password")
		}
	case errors.As(err, &dns):
		e.Hint = "check the name in the address"
	case errors.As(err, &conn) && conn.verb == "connect":
		e.Hint = "check the address, and whether the server runs"
	case errors.As(err, &conn) && conn.verb == "greeting":
		e.Hint = "check the port and when TLS starts on it"
	}
	return e
}

// judge turns the facts about a task into the answer of Send.
func (s *Sender) judge(ctx context.Context, t *task, r *result) error {
	left := make([]bool, len(t.all)) // recipients who still need the message
	some, k := false, 0              // one is left; index into t.to
	for i := range left {
		if t.pending[i] {
			left[i] = !r.served[k]
			k++
		}
		some = some || left[i]
	}
	if !some {
		return nil
	}
	e := &deliver.Error{Op: "send", Place: s.o.Address, Scope: deliver.ThisMessage}
	for i := range left {
		if !left[i] {
			e.Rest = encodeRest(t.all, left)
			break
		}
	}
	switch {
	case r.doubt:
		e.Scope, e.Uncertain, e.Err = deliver.WholeTarget, true, r.err
		if ctx.Err() != nil {
			e.Err = fmt.Errorf("%w: %w", ctx.Err(), r.err)
		}
	case ctx.Err() != nil && (r.err != nil || r.source != nil) && !slices.Contains(r.served, true):
		return ctx.Err()
	case r.source != nil:
		e.Op, e.Local, e.Err = "read", true, r.source
	case r.err != nil:
		e.Scope, e.Err = deliver.WholeTarget, r.err
	case r.unfit != nil:
		e.Permanent, e.Err = true, r.unfit
		if errors.Is(r.unfit, errNoUTF8) && s.o.needsUTF8() { // so no message can be sent as things are set
			e.Scope, e.Hint = deliver.WholeTarget, "use addresses in ASCII in from and to, or a server that offers SMTPUTF8"
		}
	case r.mail != nil:
		refusal := r.mail
		if t.refused != nil { // the server refuses <> as well: what it says of the sender tells more
			refusal = t.refused
		}
		s.refusals(e, []*replyError{refusal})
	default:
		s.refusals(e, r.refusals())
	}
	if e.Envelope {
		e.Vouched = s.vouches.holds(t.to, t.id, s.o.Now())
	}
	return e
}

// refusals are those of the recipients that were not served: at RCPT, of DATA, or after it.
func (r *result) refusals() (list []*replyError) {
	for i, refusal := range r.refused {
		if refusal == nil && !r.served[i] {
			refusal = r.data
		}
		if refusal != nil {
			list = append(list, refusal)
		}
	}
	return list
}

// refusals fills in what the replies say together; there is at least one. The text is of the first one, a temporary
// one when there is any.
func (s *Sender) refusals(e *deliver.Error, list []*replyError) {
	e.Permanent, e.Envelope, e.Full = true, true, true
	shown := list[0]
	for _, refusal := range list {
		f := factsOf(refusal)
		e.Envelope = e.Envelope && f.envelope
		e.Full = e.Full && f.full
		if e.Permanent && !f.permanent {
			e.Permanent, shown = false, refusal
		}
	}
	e.Err = shown
	if n := len(list) - 1; n > 0 {
		more := "1 more recipient"
		if n > 1 {
			more = fmt.Sprintf("%d more recipients", n)
		}
		e.Err = fmt.Errorf("%w (and %s refused)", shown, more)
	}
	if shown.reply.code == 530 {
		e.Hint = "the server wants a login, or TLS"
	}
}

// facts are what one refusal says about the message.
type facts struct{ permanent, envelope, full bool }

func factsOf(e *replyError) facts {
	code, detail := e.reply.code, e.reply.detail()
	before := e.verb == "MAIL" || e.verb == "RCPT" || e.verb == "DATA"
	f := facts{permanent: code/100 == 5, envelope: before}
	switch {
	case detail == "2.2" || detail == "3.1": // mailbox full, system full (RFC 3463): that passes
		f.full, f.permanent = true, false
	case detail == "2.3" || detail == "3.4": // message too big, whatever the code and the command
		f.envelope = false
	case code == 552 && e.verb == "MAIL": // the same, by RFC 1870, section 6.1
		f.envelope = false
	case code == 552 && e.verb == "RCPT": // too many recipients (RFC 5321, section 4.5.3.1.10)
		f.permanent = false
	}
	return f
}
