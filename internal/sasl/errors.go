package sasl

import (
	"errors"
	"fmt"
	"strings"
)

// SecretError means that there is no password or access token, or none that can be sent. Nothing was sent.
type SecretError struct {
	Token bool // it is about an access token
	Err   error
}

func (e *SecretError) Error() string {
	if e.Token {
		return "getting the access token: " + e.Err.Error()
	}
	return "reading the password: " + e.Err.Error()
}

func (e *SecretError) Unwrap() error { return e.Err }

// OfferError means that the server, or the connection, does not have what the login needs. No secret was sent.
type OfferError struct{ Text string }

func (e *OfferError) Error() string { return e.Text }

// DowngradeError means that the server takes only a weaker login than the one that worked last, where that could be somebody
// between. No secret was sent, or only a proof by the stronger one.
type DowngradeError struct {
	Worked, Left string // methods
	Bound        bool   // it was bound to the connection (-PLUS)
}

func (e *DowngradeError) Error() string {
	why := "without verified TLS of today's kind that could be somebody between"
	if e.Bound {
		why = "that login was bound to the connection, so this could be somebody between"
	}
	return fmt.Sprintf("the login by %s that worked before is not to be had any more, only %s: %s", Name(e.Worked), Name(e.Left), why)
}

// ChallengeError means that the server said something in the exchange that makes no sense, or that shows that it does not
// know the secret. The login is not to be taken for refused, nor for successful.
type ChallengeError struct {
	Mechanism string
	Err       error
}

func (e *ChallengeError) Error() string { return e.Mechanism + ": " + e.Err.Error() }
func (e *ChallengeError) Unwrap() error { return e.Err }

var (
	errEmpty      = errors.New("it is empty")
	errForbidden  = errors.New("it holds a CR, LF or NUL, which cannot be sent")
	errTooMany    = errors.New("the server asks for more than there is to say")
	errNotBase64  = errors.New("the server's challenge is not base64")
	errTooEarly   = errors.New("the server says that it is done before it was told who this is")
	errUnproven   = errors.New("the server did not prove that it knows the password")
	errIterations = errors.New("the server wants more computing than is reasonable")
	errServer     = errors.New("the server's proof or message is wrong")
)

// WeakerText tells people of Outcome.Weaker.
func WeakerText(o Outcome) string {
	return fmt.Sprintf("the server offers no login by %s any more, or refuses it: the login goes by %s from now on, which is weaker, over verified TLS", Name(o.Weaker), Name(o.Method))
}

// Name is how a method is called before people: "SCRAM-SHA-256", "USER and PASS".
func Name(method string) string {
	switch method {
	case "user":
		return "USER and PASS"
	case Password:
		return "password"
	}
	return strings.ToUpper(method)
}
