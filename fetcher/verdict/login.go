package verdict

import (
	"cmp"
	"errors"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/pop3"
)

// HungUpAtLogin tells that the server closed the connection instead of answering a login.
func HungUpAtLogin(err error) bool {
	var conn *pop3.ConnError
	return errors.As(err, &conn) && (conn.Command == "PASS" || conn.Command == "AUTH" || conn.Command == "APOP") && conn.HungUp()
}

// judgeLogin tells a refused login from a server that cannot do it now (RFC 2449, section 8; RFC 3206).
func judgeLogin(v *Verdict, code string) {
	switch {
	case code == "" || code == "AUTH":
		v.Class, v.Hint = Login, LoginHint
	default:
		judgeResponse(v, code)
	}
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
