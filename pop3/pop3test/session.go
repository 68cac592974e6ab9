package pop3test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	"strings"
)

// Session is one connection.
type Session struct {
	srv  *Server
	opt  Options
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	tls  bool

	user     string // given by USER, or logged in
	box      *mailbox
	messages []*Message
	deleted  map[int]bool // by index
	hidden   map[*Message]bool
}

// User is who logged in, or "".
func (s *Session) User() string {
	if s.box == nil {
		return ""
	}
	return s.user
}

// UID returns the UID of message number n as stored, or "".
func (s *Session) UID(n int) string {
	if n < 1 || n > len(s.messages) {
		return ""
	}
	return s.messages[n-1].UID
}

// Message returns message number n as it stood in the mailbox at login; ok is false when there was none.
func (s *Session) Message(n int) (m Message, ok bool) {
	if n < 1 || n > len(s.messages) {
		return Message{}, false
	}
	return *s.messages[n-1], true
}

// Conn returns the connection, below TLS as Options.Wrap made it.
func (s *Session) Conn() net.Conn { return s.conn }

// TLS tells whether the connection is encrypted.
func (s *Session) TLS() bool { return s.tls }

const bufferSize = 64 << 10

func (s *Server) serve(conn net.Conn, implicit bool) {
	s.mu.Lock()
	opt := s.opt
	s.stats.Sessions++
	s.mu.Unlock()
	if opt.Wrap != nil {
		conn = opt.Wrap(conn)
		defer conn.Close()
	}
	e := &Session{srv: s, opt: opt, deleted: map[int]bool{}, hidden: map[*Message]bool{}}
	e.use(conn)
	if implicit {
		e.startTLS()
	}
	defer e.leave()
	greeting := opt.Greeting
	if greeting == "" {
		greeting = "popsync test server ready"
	}
	e.ok(greeting)
	for e.flush() == nil {
		line, err := e.r.ReadSlice('\n')
		if err != nil {
			return
		}
		if !e.handle(string(bytes.TrimRight(line, "\r\n"))) {
			_ = e.w.Flush()
			return
		}
	}
}

func (s *Session) use(conn net.Conn) {
	s.conn = conn
	s.r, s.w = bufio.NewReaderSize(conn, bufferSize), bufio.NewWriterSize(conn, bufferSize)
}

func (s *Session) startTLS() {
	conn := tls.Server(s.conn, s.opt.TLS)
	s.tls = true
	s.use(conn)
}

// flush sends what is buffered unless another whole command is waiting.
func (s *Session) flush() error {
	waiting, _ := s.r.Peek(s.r.Buffered())
	if bytes.IndexByte(waiting, '\n') >= 0 {
		return nil
	}
	return s.w.Flush()
}

// handle carries out one command; false ends the session.
func (s *Session) handle(line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	s.srv.count(func(st *Stats) { st.Commands[verb]++ })
	if s.opt.OnCommand != nil {
		if r := s.opt.OnCommand(s, verb, arg); r != nil {
			_, _ = s.w.Write(r.Raw) // a write that failed is met again at the next flush
			return !r.Close
		}
	}
	switch verb {
	case "QUIT":
		s.quit()
		return false
	case "CAPA":
		s.capa()
	case "NOOP":
		s.ok("")
	default:
		if s.box == nil {
			return s.authorization(verb, arg)
		}
		if s.opt.OnReply != nil {
			return s.changed(verb, arg)
		}
		s.transaction(verb, arg)
	}
	return true
}

// changed carries out a command and lets OnReply change what is sent; false ends the session.
func (s *Session) changed(verb, arg string) bool {
	var reply bytes.Buffer
	w := s.w
	s.w = bufio.NewWriter(&reply)
	s.transaction(verb, arg)
	_ = s.w.Flush()
	s.w = w
	r := s.opt.OnReply(s, verb, arg, reply.Bytes())
	_, _ = s.w.Write(r.Raw)
	return !r.Close
}

// quit enters the UPDATE state (RFC 1939, section 6).
func (s *Session) quit() {
	if s.box != nil {
		gone := map[*Message]bool{}
		if !s.opt.QuitKeeps {
			for i := range s.deleted {
				gone[s.messages[i]] = true
			}
		}
		if s.opt.HideRetr {
			for m := range s.hidden {
				gone[m] = true
			}
		}
		s.srv.remove(s.box, gone)
		s.srv.count(func(st *Stats) { st.Quits++ })
		s.leave()
	}
	s.ok("bye")
}

// leave gives an exclusive mailbox back.
func (s *Session) leave() {
	if s.box == nil {
		return
	}
	s.srv.mu.Lock()
	s.box.sessions--
	s.srv.mu.Unlock()
	s.box = nil
}

func (s *Session) ok(text string)  { s.status("+OK", text) }
func (s *Session) err(text string) { s.status("-ERR", text) }

func (s *Session) status(word, text string) {
	_, _ = s.w.WriteString(word)
	if text != "" && !s.opt.BareReplies {
		_ = s.w.WriteByte(' ')
		_, _ = s.w.WriteString(text)
	}
	_, _ = s.w.WriteString("\r\n")
}
