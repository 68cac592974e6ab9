// Package imaptest is an IMAP server in memory, for tests and demonstrations: as much of RFC 3501 as a program uses that puts messages into a
// mailbox and looks at them, with the bad habits of servers that are met. It speaks no TLS, keeps nothing, and takes one user.
//
// Tests of deliver/imap, of the fetcher and of the built program start it.
package imaptest

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The one user.
const (
	User     = "me"
	Password = "correct horse"
)

// Message is one that is in a folder.
type Message struct {
	UID  uint32
	Text string
	Args string // of APPEND, between the folder and the literal: flags and date
}

// Options are habits of the server; the zero value is a faithful one.
type Options struct {
	Greeting string // "" : "* OK ready"
	Login    string // capabilities before the login; "": IMAP4rev1 AUTH=PLAIN
	// Token tells of an access token that it is good; nil: passwords are asked for, and all are good.
	Token     func(token string) bool
	Caps      string // after the login; "": IMAP4rev1 UIDPLUS LITERAL+ NAMESPACE ID UNSELECT
	Delimiter string // "": "/"; "NIL": there is none
	Prefix    string // of its namespace
	NoUIDNext bool   // STATUS does not tell UIDNEXT
	Early     bool   // a message counts as soon as its last octet is there, without the line end (Courier)

	// Before is asked when the line of APPEND has come, After when the message has, of which this is the number, from 1. What they
	// return is the answer, "" for OK; "BYE ..." ends the connection, and "-" does so without a word. After "-ok" the message is kept,
	// and the connection ends without a word.
	Before func(n int, line string) string
	After  func(n int, text string) string
	Store  func(text string) string                          // what becomes of a message; nil: it stays as it is
	Lie    func(validity, uid uint32) (v, u uint32)          // what APPENDUID tells; nil: the truth
	On     func(verb, line string) string                    // the answer to a command of another kind; "" for the usual one
	Show   func(item string, m Message, value string) string // what FETCH gives for BODY[HEADER] and BODY[TEXT]
}

// Server is a running server.
type Server struct {
	Addr string // host:port

	o Options

	mu       sync.Mutex
	folders  map[string]*folder
	appends  int
	commands []string // all that came, without literals
	conns    map[net.Conn]bool
}

type folder struct {
	validity, next uint32
	messages       []Message
	subscribed     bool
}

// Start starts a server on a loopback port, with an INBOX; t.Cleanup stops it.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(o)
	s.Addr = l.Addr().String()
	go s.Serve(l)
	t.Cleanup(func() { l.Close(); s.Hangup() })
	return s
}

// New makes a server that does not listen yet.
func New(o Options) *Server {
	o.Caps = cmp.Or(o.Caps, "IMAP4rev1 UIDPLUS LITERAL+ NAMESPACE ID UNSELECT")
	o.Delimiter = cmp.Or(o.Delimiter, "/")
	return &Server{o: o, folders: map[string]*folder{"INBOX": {validity: 7, next: 100}}, conns: map[net.Conn]bool{}}
}

// Serve answers connections until the listener is closed.
func (s *Server) Serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		go func() {
			c := &conn1{s: s, conn: conn, in: bufio.NewReader(conn)}
			c.serve()
			conn.Close()
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		}()
	}
}

// Hangup ends all connections.
func (s *Server) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Messages are those of a folder, as the server spells it.
func (s *Server) Messages(name string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.folders[name]; f != nil {
		return slices.Clone(f.messages)
	}
	return nil
}

// Folders are the names of those that are there, with " *" behind those that are subscribed to, sorted.
func (s *Server) Folders() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, f := range s.folders {
		if f.subscribed {
			name += " *"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Put puts a message into a folder, as somebody else.
func (s *Server) Put(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folders[name].put(text, "")
}

// Renew gives a folder another UIDVALIDITY, and all messages other UIDs.
func (s *Server) Renew(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[name]
	f.validity++
	f.next = 1
	for i := range f.messages {
		f.messages[i].UID = f.next
		f.next++
	}
}

// Remove removes a folder.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.folders, name)
}

// Change changes the habits between two commands.
func (s *Server) Change(f func(o *Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.o)
}

// Commands are all that came, without literals and passwords; those whose verb is given, or all for "".
func (s *Server) Commands(verb string) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		if verb == "" || strings.HasPrefix(c, verb) {
			all = append(all, c)
		}
	}
	return all
}

func (f *folder) put(text, args string) uint32 {
	uid := f.next
	f.next++
	f.messages = append(f.messages, Message{uid, text, args})
	return uid
}

// conn1 is one connection.
type conn1 struct {
	s      *Server
	conn   net.Conn
	in     *bufio.Reader
	user   bool
	open   *folder
	tag    string
	closed bool
}

func (c *conn1) say(format string, args ...any) {
	c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c.conn, format+"\r\n", args...); err != nil {
		c.closed = true
	}
}

func (c *conn1) serve() {
	o := c.options()
	if c.say("%s", cmp.Or(o.Greeting, "* OK ready")); strings.HasPrefix(o.Greeting, "* PREAUTH") {
		c.user = true
	}
	for !c.closed {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		c.tag = tag
		verb, args, _ := strings.Cut(rest, " ")
		verb = strings.ToUpper(verb)
		if verb != "APPEND" {
			if args, err = c.literals(args); err != nil {
				return
			}
		}
		c.note(verb, args)
		if o := c.options(); o.On != nil && verb != "APPEND" {
			if answer := o.On(verb, args); answer != "" {
				c.finish(answer)
				continue
			}
		}
		c.command(verb, args)
	}
}

func (c *conn1) options() Options {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.o
}

func (c *conn1) note(verb, args string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if verb == "LOGIN" {
		args = "..."
	}
	c.s.commands = append(c.s.commands, verb+" "+args)
}

// literals reads arguments that are sent as literals, and puts them into quotes.
func (c *conn1) literals(args string) (string, error) {
	for {
		at := strings.LastIndexByte(args, '{')
		if at < 0 || !strings.HasSuffix(args, "}") {
			return args, nil
		}
		var n int
		if _, err := fmt.Sscanf(args[at:], "{%d}", &n); err != nil || n > 10_000 {
			return args, nil
		}
		c.say("+ go on")
		b := make([]byte, n)
		if _, err := io.ReadFull(c.in, b); err != nil {
			return "", err
		}
		rest, err := c.in.ReadString('\n')
		if err != nil {
			return "", err
		}
		args = args[:at] + `"` + string(b) + `"` + strings.TrimRight(rest, "\r\n")
	}
}

// finish ends a command as a hook says.
func (c *conn1) finish(answer string) {
	switch {
	case answer == "-" || answer == "-ok":
		c.closed = true
	case strings.HasPrefix(answer, "BYE"):
		c.say("* %s", answer)
		c.closed = true
	default:
		c.say("%s %s", c.tag, answer)
	}
}
