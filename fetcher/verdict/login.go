package verdict

import (
	"cmp"
	"errors"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/pop3"
)

// HungUpAtLogin tells that the server closed the connection instead of answering a login.
func HungUpAtLogin(err error) bool {
	var conn *pop3.ConnError
	return errors.As(err, &conn) && (conn.Command == "PASS" || conn.Command == "AUTH" || conn.Command == "APOP") && conn.HungUp()
}

// judgeLogin tells a refused login from a server that cannot do it now (RFC 2449, section 8; RFC 3206).
func judgeLogin(v *Verdict, method string, r *pop3.ResponseError) {
	read := sasl.Read(r.Text).Hint()
	switch code := CodeOf(r); {
	case code == "" || code == "AUTH":
		v.Class, v.Hint = Login, cmp.Or(read, methodHint(method), LoginHint)
	default:
		judgeResponse(v, code)
		if v.Class == Config && read != "" {
			v.Hint = read + "; if that is not it, ask the provider"
		}
	}
}

// methodHint is the next step after a login was refused that did not send a password; "": it did.
func methodHint(method string) string {
	switch {
	case sasl.IsToken(method):
		return "the server refused the access token: check username, and that the token is for this mailbox and this protocol"
	case method == "external":
		return "the server did not accept the client certificate for this user name: check username and tls_client_cert"
	case method != "" && !sasl.SendsPassword(method):
		return LoginHint + `; if the password is right, the server may keep it in a form that ` + sasl.Name(method) + ` cannot be checked with: auth = "plain" sends it as it is`
	}
	return ""
}

// LoginHint is the next step after a refused login where nothing is known of the provider.
const LoginHint = "check username and password, and that the provider allows POP3 for this mailbox (many want it switched on, or an app password)"

// CodeOf is the response code of a refusal, or of a login what its text means: see passing.
func CodeOf(r *pop3.ResponseError) string {
	switch r.Command {
	case "greeting", "USER", "PASS", "AUTH", "APOP":
		return cmp.Or(r.Code, passing(r.Text))
	}
	return r.Code
}

// SaidInWords tells of a refusal without a response code.
func SaidInWords(err error) bool {
	var r *pop3.ResponseError
	return errors.As(err, &r) && r.Code == ""
}

// LoginRefused tells whether a server refused this user with this secret, what it said, and whether with a code.
func LoginRefused(err error) (text string, coded, ok bool) {
	var login *pop3.LoginError
	var response *pop3.ResponseError
	if !errors.As(err, &login) || !errors.As(err, &response) {
		return "", false, false
	}
	code := CodeOf(response)
	return cmp.Or(response.Text, "no reason given"), code == "AUTH", code == "AUTH" || code == ""
}

const loginDelayHint = "the server wants more time between logins; use a slower schedule"

// soften takes back a hint about the schedule where a server only says in words that a login may work later: that may be
// about a quota, or about something that is down.
func soften(v *Verdict, r *pop3.ResponseError) {
	if v.Hint == loginDelayHint && r.Code == "" && !foreign.Says(foreign.Words(r.Text), apart) {
		v.Hint = "the server says that it may work later: it is tried again after a while; if it goes on, ask the provider"
	}
}
