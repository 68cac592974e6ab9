// Package imap puts messages into a mailbox by IMAP, and does nothing else there: it is a deliver.Sender that looks before it
// repeats. It reports what the server said and what it found, and leaves every judgement to others.
//
// It follows RFC 3501 and RFC 9051 (IMAP4rev1, IMAP4rev2), RFC 7888 (LITERAL+, LITERAL-), RFC 4315 (UIDPLUS), RFC 7889
// (APPENDLIMIT), RFC 2342 (NAMESPACE), RFC 2971 (ID), RFC 3691 (UNSELECT), RFC 4959 (SASL-IR) and RFC 5530 (response
// codes). Logins are by internal/sasl.
//
// A message goes like this:
//
//  1. Before the first APPEND, STATUS tells UIDVALIDITY and UIDNEXT: the base. Whatever comes of this process lies at it or
//     above. It is kept in a file beside the folder of copies, durably (see record).
//  2. A message that may have been sent before (Outgoing.Again) is looked for: EXAMINE, then UID FETCH of headers from the base
//     on, once for all of them. Found is delivered; what cannot be told is deliver.ErrInferred.
//  3. APPEND. From the last octet of the literal on, a lost answer is doubt.
//  4. After OK, the record has the message's delivery id, its UID and a key of its header, durably: so one copy is never taken for two
//     messages, in whatever process.
//
// The first message into a folder goes alone, and is looked for once it is there. Was it found, looking is proved, and remembered so, until
// UIDVALIDITY changes or a look fails for good. From then on messages may come in batches (SendBatch) and go through a window, each behind
// the one before, without a wait for its answer (see window).
//
// It refuses to go on in plaintext when TLS was asked for, to log in without TLS unless that was permitted, to send a literal
// whose server has not said that it need not be asked first, to send a NUL or an empty message, to read more than a bounded answer,
// and to use a connection on which it can no longer tell which answer belongs to which command. It deletes and changes nothing, and
// never searches: servers find too little, or too much, by SEARCH.
//
// The octets of a message are sent as they are. Options.Trace adds one Received line on top.
package imap

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
	ImplicitTLS TLSMode = iota // from the first byte (RFC 8314, section 3.2)
	StartTLS                   // after STARTTLS, which the server must accept
	NoTLS                      // never; whether that is permitted is the caller's matter
)

// Options says where messages go and how. Zero fields take the default named.
type Options struct {
	Address string // "host:port"; required

	TLS TLSMode // zero: ImplicitTLS
	// TLSConfig is cloned; nil means the defaults of crypto/tls. ServerName defaults to the host of Address,
	// ClientSessionCache to a small one, and MinVersion to TLS 1.2: less has to be asked for.
	TLSConfig *tls.Config

	Username string // required
	// Password returns the secret; it is called once for each connection. nil, without a Token and with another Auth than "external": an
	// error.
	Password func(ctx context.Context) (string, error)
	// Token returns an access token (OAuth 2.0), in place of a password. refused is one that the server has just refused, "" at
	// first.
	Token func(ctx context.Context, refused string) (string, error)
	// Auth is "auto" or "", or one of sasl.Methods but "user" and "apop", which needs no announcement: see sasl.Run. "login" is the command
	// LOGIN, and the mechanism where that is switched off.
	Auth string
	// AllowPlain permits a login without TLS: on loopback, or because a person said so.
	AllowPlain bool

	// Folder is the mailbox, with "/" between the names of folders in folders, whatever the server has there; or as the server
	// spells it, if it begins with INBOX and the server's delimiter, or with the prefix of its namespace. "": INBOX.
	Folder string
	Create bool // make the folder, and subscribe to it, if it is missing
	Seen   bool // messages arrive as read

	// Trace adds one Received line (RFC 5321, section 4.4) with the delivery id and the account, unless the first octet of a message
	// is a space or a tab.
	Trace bool

	Connections int // at once, and so Lanes; 0: 1
	InFlight    int // messages of a batch that may be on their way on a connection; 0: as many as fit into 1 MiB, and one more

	Timeouts Timeouts
	// Dial opens a connection; nil: a net.Dialer. Timeouts.Connect bounds its context.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Transcript takes what is sent and received; nil: nobody does.
	Transcript *transcript.Party
	Now        func() time.Time // for dates; nil: time.Now

	logins  *sasl.Memory
	calm    time.Duration             // see calmTime
	greeted func()                    // called when the server has greeted; nil: nobody wants to know
	secured func(tls.ConnectionState) // called when TLS has begun; nil: nobody wants to know
}

// Timeouts bound every wait for the server. Zero fields take the default in brackets.
type Timeouts struct {
	Connect time.Duration // name resolution and connection [30 s]
	TLS     time.Duration // handshake [30 s]
	Reply   time.Duration // greeting, or an answer; also the writing of commands [5 min]
	Block   time.Duration // the writing of one block of 64 KiB of a message [3 min]
	Quit    time.Duration // LOGOUT and its answer [10 s]
}

// Bounds on what is accepted from the server.
const (
	maxLine    = 64 << 10 // octets of an answer between two literals
	maxLiteral = 64 << 10 // octets kept of a literal; more is read away
	maxSkipped = 32 << 20 // octets read away in one answer
	maxTotal   = 1 << 20  // octets kept of one answer
	maxNesting = 16       // parentheses in parentheses
	maxAnswers = 200_000  // untagged answers to one command

	maxHeader  = 64 << 10 // octets of a header that are compared
	maxForeign = 1000     // headers that a look reads beside those that were in doubt
)
