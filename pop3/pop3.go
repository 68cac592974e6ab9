// Package pop3 speaks POP3 to one server over one connection and reports facts, never policy: what the server said,
// which bytes it sent, and where the conversation broke. Nothing is retried, logged or remembered between connections.
//
// It follows RFC 1939 (the protocol), RFC 2449 (CAPA, PIPELINING, response codes), RFC 3206 (SYS and AUTH codes),
// RFC 2595 (STLS), RFC 5034 (AUTH, by internal/sasl) and RFC 8314 (implicit TLS). LAST and UTF8 are left out.
//
// It refuses to go on in plaintext when TLS was asked for, to send CR, LF or NUL inside a command, to end a message at
// anything but CRLF-dot-CRLF, to hold a message in memory, and to
// use a connection on which it can no longer tell which reply belongs to which command: then only Close is left.
//
// A Client is for one goroutine at a time; Close alone may be called from any. Every call takes a context: when it
// ends during a call, reads and writes end at once and the client is broken.
package pop3

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/popsync/popsync/internal/transcript"
)

// TLSMode says when TLS starts. There is no opportunistic mode.
type TLSMode int

const (
	ImplicitTLS TLSMode = iota // from the first byte (RFC 8314, section 3.2)
	StartTLS                   // after STLS, which the server must accept (RFC 2595, section 4)
	NoTLS                      // never; whether that is permitted is the caller's matter
)

// Options says where a server is and how patient to be with it. Zero fields take the default named.
type Options struct {
	Host string  // name or address; required
	Port int     // 0: 995 for ImplicitTLS, else 110
	TLS  TLSMode // zero: ImplicitTLS
	// TLSConfig is cloned; nil means the defaults of crypto/tls. ServerName defaults to Host, NextProtos to "pop3"
	// when it is nil (an empty list that is not nil sends no ALPN), and MinVersion to TLS 1.2: less has to be asked for.
	TLSConfig *tls.Config
	// Dial opens the connection; nil: a net.Dialer. Timeouts.Connect bounds its context.
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	Timeouts Timeouts
	Limits   Limits
	Window   Window
	// NoPipelining keeps to one command at a time although the server announces PIPELINING: an earlier session
	// found the announcement to be wrong.
	NoPipelining bool
	// NoCapa asks for no capabilities: an earlier session found that CAPA breaks the connection (see BrokenByCapa). TOP and
	// PIPELINING are not known then, USER and PASS log in, and with StartTLS the command STLS is simply tried.
	NoCapa bool
	// Transcript takes what is sent and received; nil: nobody does.
	Transcript *transcript.Party
	// Received is told of all octets that the server sends, TLS taken off, as they come, by the goroutine that made the
	// call; nil: nobody is told.
	Received func(octets int)
	// Grow is called while List reads, on its goroutine, with the octets of memory that the listing takes by now: once for
	// each 64 KiB of the listing, so that whoever bounds memory, or what comes too slowly, knows. An error ends List, which
	// returns it, and breaks the client. Nil: nobody wants to know.
	Grow func(octets int64) error
}

// Timeouts bound every wait for the server. Zero fields take the default in brackets.
type Timeouts struct {
	Connect time.Duration // name resolution and connection [30 s]
	TLS     time.Duration // handshake [30 s]
	Reply   time.Duration // greeting, or a whole status line [60 s]
	List    time.Duration // status line of STAT, UIDL and LIST, for which servers scan the mailbox [180 s]
	Idle    time.Duration // between two reads of a body or listing; five of them must bring 5 KiB, or the end [60 s]
	Quit    time.Duration // QUIT and its reply [10 s]
	// Answer is how long we wait in all for an answer of many lines (a body, a listing), beside what its octets take at
	// Limits.Rate [1 h]. A row of TOP or of DELE has the same together, and five seconds for each reply. What CAPA says has
	// five times Idle, if that is less.
	Answer time.Duration
}

// Limits bound what is accepted from the server. Zero fields take the default in brackets.
type Limits struct {
	StatusLine int // octets of a status or CAPA line with CRLF; at most 32 KiB [8 KiB]
	UID        int // octets of a UID that is kept verbatim, at most 2,048; longer ones are hashed, see Listing [512]
	// Listing is how many lines UIDL or LIST may have, at most 2,000,000 [1,000,000]. All together may have 80 octets for
	// each of so many, or 16 MiB if that is more.
	Listing int
	Rate    int // octets a second that no server may fall below for long: see Timeouts.Answer [1,024]
}

// Window bounds what has been asked for and not yet received, where commands may be pipelined. It costs no memory:
// the data waits in TCP. Zero fields take the default in brackets.
type Window struct {
	Bytes    int64 // octets by LIST, each message counted as at least 512 [32 MiB]
	Commands int   // outstanding commands stay below it [4,000]
}

// Login says how to log in.
type Login struct {
	Username string
	// Password returns the secret; it is called once at each login, and the result is not kept beyond what is needed
	// to strike it out of the server's replies.
	Password func(ctx context.Context) (string, error)
	// Token returns an access token (OAuth 2.0), in place of a password. refused is one that the server has just refused, "" at
	// first: then it is called once more, for a newer one, and the login is tried once more. nil: this login has no tokens.
	Token func(ctx context.Context, refused string) (string, error)
	// Auth is "auto" or "", or one of sasl.Methods: see sasl.Run. With "auto", USER and PASS are also tried where AUTH turns
	// out to be a command that the server does not know: see LastLogin.
	Auth string
	// Worked and TwoSteps are what earlier logins showed: see sasl.Login. The zero values: nothing is known.
	Worked   string
	TwoSteps bool
}

// Item names a message of this session: its number, and its size as LIST gave it (octets; 0: unknown). The size is a
// hint for the window, and for how long the message may become.
type Item struct {
	Num  int
	Size int64
	Ask  Ask // zero: what the call is named after
	// Most is how many octets the message may have; 0: four times Size and 64 MiB, or 1 GiB where Size is unknown. It does
	// not count for TOP, whose answer may have 64 MiB, and 128 octets for each line.
	Most int64
}

// Ask is what else may be asked about a message in between, to prove that replies belong to the commands that they are
// taken for.
type Ask uint8

const (
	AskMessage Ask = iota // RETR, TOP or DELE, as the call says
	AskTop                // TOP n 0 (RFC 1939, section 7): its header must be that of the message
	AskScan               // LIST n (RFC 1939, section 5): right is n and a size, else the client is broken by ErrStep
	AskNoop               // NOOP (RFC 1939, section 5): names nothing, and is for servers that have no other
)

// Response is the reply to one command of Retrieve, Top or Delete.
type Response struct {
	Item
	Err error // *ResponseError when the server answered -ERR; then Body is nil
	// Body is the message with the line ends that the server sent, dot-stuffing undone (RFC 1939, section 3); nil
	// for Delete, AskScan and AskNoop. It ends with io.EOF only after CRLF-dot-CRLF; a connection that ends before gives an error that is
	// io.ErrUnexpectedEOF (errors.Is). It also implements io.WriterTo. It is invalid once handle has returned.
	Body io.Reader
}

// ErrSkip is what a handle function returns to skip the rest of a message and go on with the next.
var ErrSkip = errors.New("skip this message")

// Buffer sizes. Two TLS records of the largest size fit four times over; a status or listing line fits well.
const (
	bufferSize     = 64 << 10
	maxStatusLine  = 32 << 10 // ceiling of Limits.StatusLine
	maxListingLine = 32 << 10 // a line of UIDL or LIST: the longest that still gets hashed
	maxCapaLines   = 1000
	maxUIDLimit    = 2048 // ceilings of Limits.UID and Limits.Listing; together they keep below 4 GiB
	maxListing     = 2_000_000
)

func (o Options) withDefaults() Options {
	if o.Port == 0 {
		o.Port = 110
		if o.TLS == ImplicitTLS {
			o.Port = 995
		}
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	orDefault(&o.Timeouts.Connect, 30*time.Second)
	orDefault(&o.Timeouts.TLS, 30*time.Second)
	orDefault(&o.Timeouts.Reply, 60*time.Second)
	orDefault(&o.Timeouts.List, 180*time.Second)
	orDefault(&o.Timeouts.Idle, 60*time.Second)
	orDefault(&o.Timeouts.Quit, 10*time.Second)
	orDefault(&o.Timeouts.Answer, time.Hour)
	orDefault(&o.Limits.Rate, 1<<10)
	orDefault(&o.Limits.StatusLine, 8<<10)
	o.Limits.StatusLine = min(o.Limits.StatusLine, maxStatusLine)
	orDefault(&o.Limits.UID, 512)
	o.Limits.UID = min(o.Limits.UID, maxUIDLimit)
	orDefault(&o.Limits.Listing, 1_000_000)
	o.Limits.Listing = min(o.Limits.Listing, maxListing)
	orDefault(&o.Window.Bytes, 32<<20)
	orDefault(&o.Window.Commands, 4000)
	return o
}

// orDefault sets *v to d when it is zero or negative.
func orDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
