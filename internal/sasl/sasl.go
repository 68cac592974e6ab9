// Package sasl logs in: it chooses the way, makes the messages, and decides what follows a refusal, in one way for every
// protocol. A protocol only carries it: see Wire.
//
// It has PLAIN (RFC 4616), LOGIN (never standardised), SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) and their -PLUS
// (channel bindings of RFC 9266 and RFC 5929), XOAUTH2 (Google's and Microsoft's), OAUTHBEARER (RFC 7628), EXTERNAL (RFC 4422),
// and, when they are named, CRAM-MD5 (RFC 2195) and what a protocol has of its own: USER with PASS, and APOP (RFC 1939).
//
// It refuses to send a secret again after a refusal that may be about it, with two exceptions: SCRAM is followed once by a
// password over verified TLS, since servers announce SCRAM also for users whose password they cannot check that way; and a
// refused access token is followed once by a newer one. It refuses a weaker way than the one that worked last where somebody
// between could have arranged that. It remembers nothing: what worked is told, and given back by whoever keeps it.
//
// pop3, deliver/smtp and deliver/imap call it. The shape of a mechanism is that of github.com/emersion/go-sasl.
package sasl

import (
	"context"
	"crypto/tls"

	"github.com/popsync/popsync/internal/foreign"
)

// Login is who logs in, and how.
type Login struct {
	Username string
	// Password returns the secret; it is called at most once. nil: there is none.
	Password func(ctx context.Context) (string, error)
	// Token returns an access token. refused is one that the server has just refused, "" at first: then it is called once
	// more, and if that one is refused too a last time, when nothing more is tried. nil: there is none, and mechanisms for tokens
	// take the password for one.
	Token func(ctx context.Context, refused string) (string, error)
	// Auth is "auto" or "" (see Run), or one of Methods.
	Auth string
	// Worked is the method that logged in last, as Outcome told it; "": not known. It counts for "auto" alone. Password: one
	// that sends the password as it is.
	Worked string
	// TwoSteps never puts a response into the command that begins the exchange: the server was seen not to take it there.
	TwoSteps bool
	Host     string // of the server, for OAUTHBEARER; "": left out
	Port     int    // likewise; 0: left out
}

// Password is Login.Worked where all that is known is that the password was sent as it is.
const Password = "password"

// Offer is what a server announced, and what protects the connection.
type Offer struct {
	Known      bool     // the server said what it can do
	Mechanisms []string // that it announced, in upper case
	User       bool     // the protocol has USER and PASS
	NoUser     bool     // but the server did not announce them
	Timestamp  string   // for APOP: "<...>" of the greeting, with the brackets; "": the server has no APOP
	TLS        *tls.ConnectionState
	Line       int  // longest command with a response in it, in octets with CRLF; 0: responses never stand in it
	TokenApart bool // tokens never stand in the command: Exchange wants them behind it
}

// Outcome is what a login showed, also one that failed.
type Outcome struct {
	Method      string // that was tried last, in lower case; "": none
	Weaker      string // the method that worked last and is stronger than Method, which logged in; "": none
	AuthUnknown bool   // the server does not know the command for SASL, although it announced it or the caller asked for it
	TwoSteps    bool   // it does not take a response in the command: see Login.TwoSteps
}

// Wire is how a protocol carries a login. Its methods are called one at a time; all errors but refusals end the login.
type Wire interface {
	// Begin sends the command with a mechanism's name, and with the first response unless that is nil; an empty one is sent
	// as "=" (RFC 5034, RFC 4954, section 4).
	Begin(mechanism string, initial []byte) (Step, error)
	// Answer sends a response; it may be empty.
	Answer(response []byte) (Step, error)
	// Cancel gives the exchange up ("*"). It returns what the server says to that, which should be a refusal.
	Cancel() error
	// Plainly logs in by a method of the protocol's own: "user", or "apop" with the digest for a secret.
	Plainly(method, username, secret string) error
	// Hide is told what must not be shown of all that the server says from now on, before it is sent.
	Hide(*foreign.Secrets)
	// Means says what an error of the others is.
	Means(err error) Refusal
}

// Step is the server's answer to a part of an exchange: the next challenge, or the end.
type Step struct {
	Done bool   // logged in
	Text []byte // a challenge as it was sent, in base64 if the server keeps to that; or what came with the end
}

// Refusal is what an error means for the login.
type Refusal int

// What refusals are about.
const (
	NoRefusal     Refusal = iota // the conversation broke
	Refused                      // the user or the secret, for all that is known
	RefusedForNow                // neither: a state that passes
	UnknownMethod                // the command or the mechanism: nobody has looked at the secret
	NoInitial                    // a response in the command
)
