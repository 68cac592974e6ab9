// Package pop3test is a POP3 server that lives in memory, for tests and for popsync's demonstration, as httptest is for
// HTTP. It knows RFC 1939 with TOP and UIDL, CAPA, PIPELINING and response codes (RFC 2449), STLS (RFC 2595) and AUTH
// PLAIN (RFC 5034); switches make it behave like servers that know less. It sends messages byte for byte as they were
// put in, and it removes what was deleted at QUIT only.
//
// It has no limits on its clients and stores nothing: it is not for the Internet. What breaks on purpose in the midst
// of a reply lives in the package fault.
package pop3test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
)

// Options are the server's habits. The zero value is a well-behaved server without TLS. Switches may be changed
// between sessions with Server.Change; each session keeps those it started with.
type Options struct {
	TLS *tls.Config // for ListenTLS, DialTLS and STLS, which is announced when it is not nil

	NoCAPA       bool   // CAPA is refused
	NoUIDL       bool   // UIDL is refused and not announced
	NoTOP        bool   // TOP is refused and not announced
	NoPipelining bool   // PIPELINING is not announced
	NoAUTH       bool   // AUTH is refused and not announced: USER and PASS only
	BareReplies  bool   // +OK and -ERR come without text
	TLSOnly      bool   // in plaintext logins are refused
	Exclusive    bool   // a second session of a user is refused with [IN-USE]
	QuitKeeps    bool   // QUIT answers +OK and removes nothing
	HideRetr     bool   // QUIT removes from later listings whatever was RETRieved, as Gmail does
	Greeting     string // text after +OK; "": a default

	// Bearer tells whether an access token opens a user's mailbox: AUTH XOAUTH2 and OAUTHBEARER, in two steps as Exchange wants it.
	// nil: neither is announced, nor known.
	Bearer func(user, token string) bool

	// UIDs gives the UID that UIDL shows for the i-th message (from 0) of the mailbox; nil: Message.UID.
	UIDs func(i int, m Message) string
	// OnCommand sees every command before it is carried out; a Reply that is not nil is sent instead. It is called
	// from the session's goroutine and may block.
	OnCommand func(s *Session, verb, arg string) *Reply
	// OnReply sees each reply to a command after login before it is sent, and returns what is sent instead. It is called
	// like OnCommand.
	OnReply func(s *Session, verb, arg string, reply []byte) Reply
	// OnDelete is called at every DELE that is answered +OK, before the answer.
	OnDelete func(user, uid string)
	// Wrap is put around every connection, below TLS; nil: none.
	Wrap func(net.Conn) net.Conn
}

// Reply takes the place of the server's own. The zero value sends nothing and goes on.
type Reply struct {
	Raw   []byte // sent as it is
	Close bool   // then the connection is closed
}

// Server is a POP3 server in memory. It is safe for concurrent use.
type Server struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	opt    Options
	boxes  map[string]*mailbox
	open   map[interface{ Close() error }]struct{} // listeners and connections
	closed bool
	stats  Stats
}

// NewServer makes a server without users; Close it.
func NewServer(o Options) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{
		ctx: ctx, cancel: cancel, opt: o, boxes: map[string]*mailbox{},
		open:  map[interface{ Close() error }]struct{}{},
		stats: Stats{Commands: map[string]int{}, Retrieved: map[string]int{}, Deleted: map[string]int{}},
	}
}

// Change changes the options for sessions that start later.
func (s *Server) Change(f func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.opt)
}

// Listen serves on a free port of the loopback address, in plaintext at first; it returns the address.
func (s *Server) Listen() (*net.TCPAddr, error) { return s.listen(false) }

// ListenTLS is Listen with TLS from the first byte.
func (s *Server) ListenTLS() (*net.TCPAddr, error) { return s.listen(true) }

func (s *Server) listen(implicit bool) (*net.TCPAddr, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if !s.start(l) {
		return nil, errors.Join(net.ErrClosed, l.Close())
	}
	go func() {
		defer s.finish(l)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.serveGo(conn, implicit)
		}
	}()
	return l.Addr().(*net.TCPAddr), nil
}

// Dial connects to the server through a net.Pipe, whatever the address; it fits pop3.Options.Dial.
func (s *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return s.dial(ctx, false)
}

// DialTLS is Dial to a server that speaks TLS from the first byte.
func (s *Server) DialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	return s.dial(ctx, true)
}

func (s *Server) dial(ctx context.Context, implicit bool) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	if !s.serveGo(server, implicit) {
		return nil, net.ErrClosed
	}
	return client, nil
}

func (s *Server) serveGo(conn net.Conn, implicit bool) bool {
	if !s.start(conn) {
		_ = conn.Close()
		return false
	}
	go func() {
		defer s.finish(conn)
		s.serve(conn, implicit)
	}()
	return true
}

// ServeConn serves one connection, in plaintext at first, until it ends, and closes it.
func (s *Server) ServeConn(conn net.Conn) {
	if !s.start(conn) {
		_ = conn.Close()
		return
	}
	defer s.finish(conn)
	s.serve(conn, false)
}

func (s *Server) start(c interface{ Close() error }) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Add(1)
	s.open[c] = struct{}{}
	return true
}

func (s *Server) finish(c interface{ Close() error }) {
	_ = c.Close()
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	s.wg.Done()
}

// Close ends all sessions and waits for their goroutines. It must not be called from OnCommand or OnDelete.
func (s *Server) Close() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Done is closed when the server is: what blocks in OnCommand can wait for it.
func (s *Server) Done() <-chan struct{} { return s.ctx.Done() }
