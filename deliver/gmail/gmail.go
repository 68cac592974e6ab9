// Package gmail imports messages into a mailbox at Gmail by Google's own interface, users.messages.import, over HTTPS: it is a
// deliver.Sender that asks before it repeats, as far as Gmail tells. It reports what Gmail said, and leaves every judgement to others.
//
// It follows RFC 9110 and RFC 9112 (HTTP/1.1), RFC 6750 (bearer tokens), RFC 2387 (multipart/related) and Google's protocol for
// uploads that can be resumed. Tokens come from its caller.
//
// A message goes like this:
//
//  1. One with exactly one Message-ID, of up to 5 MB, goes in one request. Gmail keeps one copy of messages with one Message-ID, so
//     that it can be sent again after an answer that was lost.
//  2. All others go by an upload session. Its address is kept in a file beside the folder of copies, durably and for this user
//     alone, before any of the message is sent (see record): it is a secret. After doubt the session is asked what it has, by
//     whatever process: then it is done, goes on where it broke, or begins anew where Gmail does not know the session any more.
//  3. The answer has Gmail's id of the message. If another message of ours has it already, Gmail has merged the two: that is
//     deliver.ErrInferred, so that the message stays where it was fetched.
//
// Labels are named by people, and looked up, and made, by this package. Requests are paced below Gmail's quota (see Pacers); where
// Gmail asks for patience all the same, it gets it.
//
// It refuses to speak without TLS, to follow redirects, to send a token or a message to another host than Google's, to read more than a
// bounded answer, to import into the mailbox of another login than before, and to send an empty message. It reads, changes and
// deletes no mail.
//
// The octets of a message are sent as they are. Options.Trace adds one Received line on top.
package gmail

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/popsync/popsync/internal/transcript"
)

// Address is where Google serves its interface.
const Address = "gmail.googleapis.com:443"

// Options says where messages go and how. Zero fields take the default named.
type Options struct {
	Address string // "host:port"; "": Address
	// TLSConfig is cloned; nil means the defaults of crypto/tls. ServerName defaults to the host that is connected to, and
	// MinVersion to TLS 1.2.
	TLSConfig *tls.Config

	Username string // the address of the mailbox; required
	// Token returns an access token (OAuth 2.0) for each request. refused is one that Gmail has just refused, "" at first. Required.
	Token func(ctx context.Context, refused string) (string, error)
	// Whose tells who logged in, as far as the provider said: "sub" of the id token, and the address. nil, or "": not known.
	Whose func() (subject, email string)

	Labels    []string // names, such as INBOX and UNREAD; those that Gmail does not have itself are made. None: read, and in "All Mail" only
	NeverSpam bool     // Gmail does not put messages into Spam
	Received  bool     // messages are sorted by when Gmail got them, not by their Date

	// Trace adds one Received line (RFC 5321, section 4.4) with the delivery id and the account, unless the first octet of a message
	// is a space or a tab.
	Trace bool

	Connections int // at once, and so Lanes; 0: 2

	Timeouts Timeouts
	// Dial opens a connection; nil: a net.Dialer. Timeouts.Connect bounds its context.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Transcript takes what is sent and received; nil: nobody does.
	Transcript *transcript.Party
	// Pacers keeps all Senders of this process to one mailbox below its quota together; nil: this one has a quota of its own.
	Pacers *Pacers
	Now    func() time.Time // nil: time.Now
}

// Timeouts bound every wait for Gmail. Zero fields take the default in brackets.
type Timeouts struct {
	Connect time.Duration // name resolution and connection [30 s]
	TLS     time.Duration // handshake [30 s]
	Reply   time.Duration // from the end of a request to the beginning of its answer, and from there to its end [2 min]
	Block   time.Duration // the writing of one block of up to 32 KiB [3 min]
}

const (
	// maxOctets is the most that Gmail takes by this interface (its discovery document of 2026-11-06).
	maxOctets = 157_286_400
	// maxMultipart is the most that goes in one request: Google recommends sessions above it.
	maxMultipart = 5 << 20
	// sessionLife is how long an address of a session is trusted: Google says about a week.
	sessionLife = 6 * 24 * time.Hour

	maxAnswer  = 4 << 20  // octets of an answer: 10,000 labels
	maxSession = 4 << 10  // octets of the address of a session
	maxHeader  = 64 << 10 // octets of a header in which Message-ID is looked for; in a longer one none counts
)
