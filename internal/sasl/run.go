package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

// run is one login.
type run struct {
	Login
	offer   Offer
	wire    Wire
	out     Outcome
	secrets *foreign.Secrets
	meaning Refusal       // of the last try's error
	nonce   func() string // for SCRAM; nil: at random
}

// Run logs in, in one way. "auto" is the method that worked last, else the strongest that is announced: SCRAM, with -PLUS
// before those without, PLAIN, LOGIN where there is nothing else, or USER and PASS where the protocol has them. With a Token
// it is XOAUTH2 or OAUTHBEARER. What a refusal is followed by is in the comment of the package.
//
// Errors: *SecretError, *OfferError, *DowngradeError and *ChallengeError, or those of the Wire.
func Run(ctx context.Context, l Login, o Offer, w Wire) (Outcome, error) {
	return (&run{Login: l, offer: o, wire: w}).all(ctx)
}

func (r *run) all(ctx context.Context) (Outcome, error) {
	err := r.run(ctx)
	if err == nil && strength(r.out.Method) > 0 && strength(r.out.Method) < strength(r.Worked) && r.automatic() {
		r.out.Weaker = r.Worked
	}
	return r.out, err
}

func (r *run) run(ctx context.Context) error {
	method, err := r.choose()
	if err != nil {
		return err
	}
	if strings.ContainsAny(r.Username, "\r\n\x00") {
		return errors.New("login: username: it holds a CR, LF or NUL, which cannot be sent")
	}
	if r.Token != nil {
		return r.withToken(ctx, method)
	}
	secret := ""
	if method != "external" {
		if secret, err = r.Password(ctx); err == nil {
			err = fit(secret)
		}
		if err != nil {
			return &SecretError{Token: IsToken(method), Err: err}
		}
	}
	err = r.try(method, secret)
	next := ""
	if err != nil && r.automatic() {
		next = r.after(method)
	}
	if next == "" {
		return err
	}
	if weak := r.weaker(next); weak != nil {
		return weak
	}
	refused, means := err, r.meaning
	if err = r.try(next, secret); r.meaning == NoRefusal && err != nil && means == Refused {
		r.out.Method = method // a server that takes one refusal and hangs up has refused
		return refused
	}
	return err
}

// withToken logs in with an access token, and once more if it is refused and there is a newer one.
func (r *run) withToken(ctx context.Context, method string) error {
	token, err := r.Token(ctx, "")
	if err == nil {
		err = fit(token)
	}
	if err != nil {
		return &SecretError{Token: true, Err: err}
	}
	refused := r.try(method, token)
	if r.meaning != Refused {
		return refused
	}
	newer, err := r.Token(ctx, token)
	switch {
	case err != nil:
		return &SecretError{Token: true, Err: err}
	case newer == "" || newer == token:
		return refused
	}
	if err := fit(newer); err != nil {
		return &SecretError{Token: true, Err: err}
	}
	if refused = r.try(method, newer); r.meaning == Refused {
		_, _ = r.Token(ctx, newer) // so that whoever keeps tokens knows; no third one is tried
	}
	return refused
}

// fit is the error of a secret that cannot be sent.
func fit(secret string) error {
	switch {
	case secret == "":
		return errEmpty
	case strings.ContainsAny(secret, "\r\n\x00"):
		return errForbidden
	}
	return nil
}

// after is the method that follows one that failed; "" for none. A secret that may have been looked at is not sent
// again, but a password after SCRAM, which did not send it: where nobody between could read it, and where he could not have
// arranged that either.
func (r *run) after(method string) string {
	// Where SCRAM worked before, weaker judges that the command is not known any more.
	safe := strength(method) <= 1 || strong(r.offer.TLS) && !isBound(r.Worked)
	switch means := r.meaning; {
	case means == UnknownMethod && r.offer.User && isSCRAM(method) && isSCRAM(r.Worked):
		return "user"
	case means == UnknownMethod && r.offer.User && method != "user" && safe:
		return "user"
	case (means == Refused || means == UnknownMethod) && isSCRAM(method) && safe:
		if next := r.clear(); next != "" && (r.offer.has(next) || next == "user" && !r.offer.NoUser) {
			return next
		}
	}
	return ""
}

// try logs in by one method.
func (r *run) try(method, secret string) error {
	r.out.Method, r.meaning = method, NoRefusal
	r.hide(method, secret)
	if method == "user" || method == "apop" {
		if method == "apop" {
			secret = apop(r.offer.Timestamp, secret)
		}
		err := r.wire.Plainly(method, r.Username, secret)
		r.meaning = r.wire.Means(err)
		return err
	}
	inCommand := !r.TwoSteps && !r.out.TwoSteps && (!r.offer.TokenApart || !IsToken(method))
	early, err := r.begin(method, secret, inCommand)
	if early && r.meaning == NoInitial {
		r.out.TwoSteps = true
		_, err = r.begin(method, secret, false)
	}
	r.out.AuthUnknown = r.out.AuthUnknown || r.meaning == UnknownMethod
	return err
}

func (r *run) begin(method, secret string, inCommand bool) (early bool, err error) {
	if isSCRAM(method) {
		c, err := newSCRAM(method, r.Username, secret, r.offer.TLS, r.offer.has(strings.TrimSuffix(method, "-plus")+"-plus"), r.nonce)
		if err != nil {
			return false, err
		}
		return r.exchange(c, inCommand)
	}
	return r.exchange(r.client(method, secret), inCommand)
}

// hide tells what must not be shown: the secret, and the messages that it is in.
func (r *run) hide(method, secret string) {
	var more []string
	if !isSCRAM(method) && method != "user" && method != "external" {
		more = r.messages(method, secret)
	}
	r.secrets = r.secrets.And(foreign.NewSecrets(r.Username, secret, more...))
	r.wire.Hide(r.secrets)
}

// hideMore adds texts to what must not be shown.
func (r *run) hideMore(texts ...string) {
	r.secrets = r.secrets.And(foreign.NewSecrets("", "", texts...))
	r.wire.Hide(r.secrets)
}

// messages are those that are known beforehand.
func (r *run) messages(method, secret string) []string {
	encode := base64.StdEncoding.EncodeToString
	switch method {
	case "apop":
		return []string{apop(r.offer.Timestamp, secret)}
	case "login":
		return []string{encode([]byte(secret))}
	case "plain", "xoauth2", "oauthbearer":
		_, message, _ := r.client(method, secret).Start()
		return []string{encode(message)}
	}
	return nil
}
