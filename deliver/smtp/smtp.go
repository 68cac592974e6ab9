// Package smtp hands messages to a mail server by SMTP or LMTP: it is a deliver.Sender. It reports what the server
// said, recipient by recipient, and leaves every judgement to others.
//
// It follows RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531
// (SMTPUTF8), RFC 3461 (the ENVID of DSN), RFC 2034 and 3463 (enhanced status codes), RFC 3207 (STARTTLS), and RFC 4954
// (AUTH, by internal/sasl).
//
// It refuses to go on in plaintext when TLS was asked for, to log in without TLS unless that was permitted, to guess a
// recipient, to put CR, LF, spaces or angle brackets into an address, to end the data of a message that it could not
// read to its end, and to use a connection on which it can no longer tell which reply belongs to which command.
//
// The octets of a message are sent as they are, with these exceptions. A bare LF becomes CRLF, and so does a bare CR
// unless Options.BareCR says "refuse": a receiver that takes either for a line end could otherwise see the end of the
// message, and commands, inside it. The last line gets its CRLF. A message with 8-bit content is sent as it is to a
// server without 8BITMIME. Options.Trace and Options.AddMessageID add header fields on top.
package smtp

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/transcript"
)

// TLSMode says when TLS starts. There is no opportunistic mode.
type TLSMode int

const (
	ImplicitTLS TLSMode = iota // from the first byte (RFC 8314, section 3.3)
	StartTLS                   // after STARTTLS, which the server must accept (RFC 3207)
	NoTLS                      // never; whether that is permitted is the caller's matter
)

// Options says where messages go and how. Zero fields take the default named.
type Options struct {
	LMTP    bool   // RFC 2033: LHLO, and one reply for each recipient after the data
	Address string // "host:port", or "unix:/path" with LMTP; required

	TLS TLSMode // zero: ImplicitTLS
	// TLSConfig is cloned; nil means the defaults of crypto/tls. ServerName defaults to the host of Address,
	// ClientSessionCache to a small one, and MinVersion to TLS 1.2: less has to be asked for.
	TLSConfig *tls.Config

	// Helo names this machine to the server: a domain or an address literal. "": the host's name when it has a dot in
	// it, else the local address of the connection as a literal (RFC 5321, section 4.1.3), else the host's name as it
	// is, or "localhost".
	Helo string

	Username string
	// Password returns the secret; it is called once for each connection. nil, without a Token and with another Auth than
	// "external": no AUTH.
	Password func(ctx context.Context) (string, error)
	// Token returns an access token (OAuth 2.0), in place of a password. refused is one that the server has just refused, "" at
	// first: then it is called once more, for a newer one, and the login is tried once more. nil: this login has no tokens.
	Token func(ctx context.Context, refused string) (string, error)
	// Auth is "auto" or "", or one of sasl.Methods but "user" and "apop", which needs no announcement: see sasl.Run.
	Auth string
	// AllowPlain permits AUTH without TLS: on loopback, on a unix socket, or because a person said so.
	AllowPlain bool

	// From is the envelope's sender: "null" for <>, an address, or "original" or "": what the topmost Return-Path names, or
	// <> if that is nothing that can be sent to this server; without one, Sender, else the first address of From, else <>.
	From string

	// To are the recipients. Exactly one of To and EnvelopeHeader is set. A mailbox without domain is permitted here.
	To []string
	// EnvelopeHeader names the header field that holds the recipients, such as X-Original-To. Each hop adds on top, so it is
	// counted from there: EnvelopeSkip occurrences are skipped, and all addresses in the others count, without
	// EnvelopePrefix where they begin with it (in any case). Those in one of AllowDomains (exact, in any case) get the
	// message, each once; a message that names none of these is refused.
	EnvelopeHeader string
	EnvelopeSkip   int
	EnvelopePrefix string // such as "example-org-" of Delivered-To by qmail; "": none
	AllowDomains   []string

	Connections   int // at once, and so Lanes; 0: 1
	PerConnection int // messages on one connection, then QUIT; 0: 100

	// Trace adds one Received line (RFC 5321, section 4.4) with the delivery id and the account, by the host TraceBy
	// ("": Helo, else the host's name). All but its date is the same on every try. A message whose first octet is a
	// space or a tab gets neither this nor a Message-ID: it would become a part of them.
	Trace   bool
	TraceBy string
	// AddMessageID adds Message-ID, the same on every try, to a message whose header has none.
	AddMessageID bool

	BareCR    string // "crlf" or "": a bare CR becomes CRLF; "refuse": such a message is refused
	LongLines string // "send" or "", or "refuse": a line of more than 998 octets (RFC 5322, section 2.1.1)
	NUL       string // "send" or "", or "refuse"

	Timeouts Timeouts
	// Dial opens a connection; nil: a net.Dialer. Timeouts.Connect bounds its context.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Transcript takes what is sent and received; nil: nobody does.
	Transcript *transcript.Party
	Now        func() time.Time // for dates, and for what was accepted within the hour; nil: time.Now

	logins  *sasl.Memory
	greeted func()                    // called when the server has greeted; nil: nobody wants to know
	heard   func()                    // called when it has answered EHLO or LHLO; nil: nobody wants to know
	secured func(tls.ConnectionState) // called when TLS has begun; nil: nobody wants to know
}

// Timeouts bound every wait for the server (RFC 5321, section 4.5.3.2). Zero fields take the default in brackets.
type Timeouts struct {
	Connect time.Duration // name resolution and connection [30 s]
	TLS     time.Duration // handshake [30 s]
	Reply   time.Duration // greeting, or a whole reply; also the writing of commands [5 min]
	Block   time.Duration // the writing of one block of 64 KiB of data [3 min]
	Final   time.Duration // each reply after the final dot [10 min]
	Quit    time.Duration // QUIT and its reply [10 s]
}

// Bounds on what is accepted from the server and on what is sent in one piece.
const (
	maxReplyLine  = 8 << 10   // octets with CRLF; RFC 5321 says 512
	maxReplyLines = 100       // lines of one reply
	maxFlight     = 4 << 10   // octets of commands sent before their replies are read: no deadlock with any TCP window
	maxRecipients = 500       // of one message: what a Rest of 128 octets can tell apart
	maxHeader     = 256 << 10 // octets of a message that are searched for header fields
	maxLine       = 998       // octets without CRLF (RFC 5322, section 2.1.1)
)
