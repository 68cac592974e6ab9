package acceptance_test

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// opensslServer is a mail server whose TLS is that of "openssl s_server", one process for each connection.
type opensslServer struct {
	t        *testing.T
	speaks   *dialect
	args     []string // certificate, versions, ciphers
	start    bool     // TLS begins by STLS or STARTTLS
	hidden   bool     // that command is not announced, and refused
	injected string   // comes behind the answer to that command, in plaintext
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex
	heard strings.Builder // what came in plaintext, and what came under TLS
}

// dialect is a protocol, as a server speaks it.
type dialect struct {
	greeting string
	before   map[string]string // answers in plaintext
	start    string            // the command that starts TLS
	go_      string            // the answer to that
	under    map[string]string // answers under TLS
	unknown  string
	tagged   bool // commands have a tag before them, for which %t stands in answers
}

// verb is the command in a line, and its tag.
func (d *dialect) verb(line string) (verb, tag string) {
	words := strings.Fields(line)
	if d.tagged && len(words) > 1 {
		return strings.ToUpper(words[1]), words[0]
	}
	if len(words) == 0 || d.tagged {
		return "", ""
	}
	return strings.ToUpper(words[0]), ""
}

var dialects = map[string]*dialect{
	"pop3": {
		greeting: "+OK ready\r\n", start: "STLS", go_: "+OK begin\r\n", unknown: "-ERR what?\r\n",
		before: map[string]string{"CAPA": "+OK\r\nSTLS\r\nUSER\r\n.\r\n"},
		under: map[string]string{"CAPA": "+OK\r\nUSER\r\nUIDL\r\n.\r\n", "USER": "+OK\r\n", "PASS": "+OK\r\n", "UIDL": "+OK\r\n.\r\n",
			"LIST": "+OK\r\n.\r\n", "STAT": "+OK 0 0\r\n", "QUIT": "+OK\r\n"},
	},
	"smtp": {
		greeting: "220 mx.example ready\r\n", start: "STARTTLS", go_: "220 begin\r\n", unknown: "502 what?\r\n",
		before: map[string]string{"EHLO": "250-mx.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"},
		under: map[string]string{"EHLO": "250-mx.example\r\n250 AUTH PLAIN\r\n", "AUTH": "235 in\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n",
			"RSET": "250 ok\r\n", "QUIT": "221 bye\r\n"},
	},
	"imap": {
		greeting: "* OK ready\r\n", start: "STARTTLS", go_: "%t OK begin\r\n", unknown: "%t BAD what?\r\n", tagged: true,
		before: map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS\r\n%t OK\r\n"},
		under: map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n%t OK\r\n", "AUTHENTICATE": "%t OK in\r\n", "LOGIN": "%t OK in\r\n",
			"LIST": "* LIST (\\Noselect) \"/\" \"\"\r\n%t OK\r\n", "STATUS": "* STATUS Archive (UIDVALIDITY 1 UIDNEXT 5)\r\n%t OK\r\n", "LOGOUT": "* BYE\r\n%t OK\r\n"},
	},
}

func (s *opensslServer) listen() (port int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.listener = l
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	s.t.Cleanup(func() {
		l.Close()
		s.wg.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port
}

func (s *opensslServer) hear(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard.WriteString(line)
}

// gotSecret tells whether a password came to the server, in whatever form.
func (s *opensslServer) gotSecret(user, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.heard.String()
	for _, form := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))} {
		if strings.Contains(all, form) {
			return true
		}
	}
	return false
}

func (s *opensslServer) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	if s.start && !s.plaintext(conn, in) {
		return
	}
	s.encrypted(conn, in)
}

// plaintext speaks until TLS is to begin; false: it is not.
func (s *opensslServer) plaintext(conn net.Conn, in *bufio.Reader) bool {
	d := s.speaks
	_, _ = io.WriteString(conn, d.greeting)
	for {
		line, err := in.ReadString('\n')
		s.hear(line)
		if err != nil {
			return false
		}
		verb, tag := d.verb(line)
		answer := d.before[verb]
		switch {
		case verb == d.start && !s.hidden:
			_, _ = io.WriteString(conn, strings.ReplaceAll(d.go_, "%t", tag)+s.injected)
			return true
		case answer == "":
			answer = d.unknown
		case s.hidden:
			answer = strings.NewReplacer("STLS\r\n", "", "250-STARTTLS\r\n", "", " STARTTLS", "").Replace(answer)
		}
		_, _ = io.WriteString(conn, strings.ReplaceAll(answer, "%t", tag))
	}
}

// encrypted hands the connection to openssl, and answers what that reads.
func (s *opensslServer) encrypted(conn net.Conn, in *bufio.Reader) {
	dir, err := os.MkdirTemp("", "s_server")
	if err != nil {
		s.t.Error(err)
		return
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("openssl", append([]string{"s_server", "-unix", socket, "-naccept", "1"}, s.args...)...)
	say, err := cmd.StdinPipe()
	if err == nil {
		var out io.ReadCloser
		if out, err = cmd.StdoutPipe(); err == nil {
			err = cmd.Start()
			if err == nil {
				s.answer(conn, in, bufio.NewReader(out), say, socket)
				say.Close()
				_, _ = io.Copy(io.Discard, out)
				_ = cmd.Wait() // it fails with the handshake
			}
		}
	}
	if err != nil {
		s.t.Error(err)
	}
}

func (s *opensslServer) answer(conn net.Conn, in *bufio.Reader, out *bufio.Reader, say io.Writer, socket string) {
	var splice sync.WaitGroup
	defer splice.Wait()
	under := false // the handshake is done
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			conn.Close() // the splice ends
			return
		}
		switch {
		case strings.HasPrefix(line, "ACCEPT"):
			inner, err := net.Dial("unix", socket)
			if err != nil {
				s.t.Error(err)
				return
			}
			splice.Go(func() {
				_, _ = io.Copy(inner, in)
				_ = inner.(*net.UnixConn).CloseWrite()
			})
			splice.Go(func() {
				_, _ = io.Copy(conn, inner)
				conn.Close()
				inner.Close()
			})
		case strings.HasPrefix(line, "CIPHER is "):
			under = true
			if !s.start {
				_, _ = io.WriteString(say, s.speaks.greeting)
			}
		case under:
			s.hear(line)
			verb, tag := s.speaks.verb(line)
			answer := s.speaks.under[verb]
			if answer == "" && strings.HasSuffix(line, "\r\n") {
				answer = s.speaks.unknown
			}
			_, _ = io.WriteString(say, strings.ReplaceAll(answer, "%t", tag))
		}
	}
}
