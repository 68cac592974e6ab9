package acceptance_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sunk is a message that came to a sink as far as its final dot.
type sunk struct {
	from string
	to   []string
	body []byte // dots undone
}

// traceLine is the field that popsync puts on top, with what folds it; the group is the delivery id.
var traceLine = regexp.MustCompile(`\AReceived:[^\r]*popsync(?:[^\r]*\r\n[ \t])+id ([0-9a-z]+);(?:[^\r]*\r\n[ \t])*[^\r]*\r\n`)

// sum recognises a message as wanted does: without the trace line, and with lines that end in LF.
func (m sunk) sum() [sha256.Size]byte {
	return sha256.Sum256(bytes.ReplaceAll(traceLine.ReplaceAll(m.body, nil), []byte("\r\n"), []byte("\n")))
}

// id is the delivery id, or "".
func (m sunk) id() string {
	if found := traceLine.FindSubmatch(m.body); found != nil {
		return string(found[1])
	}
	return ""
}

// sink is a mail server that speaks SMTP, or LMTP on a unix socket, and keeps what it accepted. It announces PIPELINING,
// and can be stopped and started again at the same address.
type sink struct {
	t    testing.TB
	unix string // path of the socket: LMTP

	mu       sync.Mutex
	addr     string
	listener net.Listener
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
	got      []sunk
	ended    int            // messages that came to the final dot
	seen     map[string]int // commands by verb; "greeting" counts connections

	// answer gives the reply to a greeting, EHLO, MAIL, RCPT, DATA, or "end", which is asked for each recipient in LMTP
	// and once in SMTP; "": the server's own. arg is the address, or the message; it is called with mu held.
	answer func(verb, arg string) string
	// lose tells whether the connection ends without a reply to the final dot, and whether the message was accepted.
	lose func(m sunk) (lose, accepted bool)
}

func newSink(t testing.TB) *sink {
	s := &sink{t: t, addr: "127.0.0.1:0", seen: map[string]int{}}
	t.Cleanup(s.stop)
	s.start()
	return s
}

// start begins to listen, at the address that it had before.
func (s *sink) start() {
	if err := s.listen(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sink) listen() error {
	network, addr := "tcp", s.addr
	if s.unix != "" {
		network, addr = "unix", s.unix
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr, s.listener, s.conns = l.Addr().String(), l, map[net.Conn]bool{}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[conn] = true
			s.mu.Unlock()
			s.wg.Go(func() {
				s.serve(conn)
				conn.Close()
				s.mu.Lock()
				defer s.mu.Unlock()
				delete(s.conns, conn)
			})
		}
	})
	return nil
}

// stop closes everything: whoever connects is refused.
func (s *sink) stop() {
	s.mu.Lock()
	if s.listener != nil {
		s.listener.Close()
	}
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// set changes what the server says, while it runs.
func (s *sink) set(answer func(verb, arg string) string, lose func(m sunk) (lose, accepted bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.lose = answer, lose
}

// messages are those that were accepted.
func (s *sink) messages() []sunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// commands counts them by verb.
func (s *sink) commands() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

// arrived is what was accepted, to be compared with wanted.
func (s *sink) arrived() sums {
	all := sums{}
	for _, m := range s.messages() {
		all[m.sum()]++
	}
	return all
}

// say gives the reply to a command and counts it.
func (s *sink) say(verb, arg, usual string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[verb]++
	if s.answer != nil {
		if r := s.answer(verb, arg); r != "" {
			return r
		}
	}
	return usual
}

func (s *sink) serve(conn net.Conn) {
	in, out := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
	reply := func(text string) (positive bool) {
		fmt.Fprintf(out, "%s\r\n", text)
		if in.Buffered() == 0 {
			out.Flush()
		}
		return text[0] < '4'
	}
	defer out.Flush()
	if !reply(s.say("greeting", "", "220 sink")) {
		return
	}
	var m sunk
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, arg, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		_, rest, _ := strings.Cut(arg, "<")
		address, _, _ := strings.Cut(rest, ">")
		switch verb {
		case "EHLO", "LHLO":
			reply(s.say("EHLO", arg, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000"))
		case "MAIL":
			m = sunk{}
			if reply(s.say(verb, address, "250 2.1.0 ok")) {
				m.from = address
			}
		case "RCPT":
			if reply(s.say(verb, address, "250 2.1.5 ok")) {
				m.to = append(m.to, address)
			}
		case "DATA":
			if len(m.to) == 0 {
				reply("503 5.5.1 nobody is to get it")
			} else if reply(s.say(verb, "", "354 go on")) {
				if !s.content(in, &m, reply) {
					return
				}
				m = sunk{}
			}
		case "RSET":
			m = sunk{}
			reply("250 2.0.0 ok")
		case "QUIT":
			reply("221 2.0.0 bye")
			return
		default:
			reply("500 5.5.2 what?")
		}
	}
}

// content takes a message to its final dot; false when the connection ends.
func (s *sink) content(in *bufio.Reader, m *sunk, reply func(string) bool) bool {
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			break
		}
		m.body = append(m.body, bytes.TrimPrefix(line, []byte("."))...)
	}
	s.mu.Lock()
	s.ended++
	lost, accepted := false, false
	if s.lose != nil {
		lost, accepted = s.lose(*m)
	}
	if accepted {
		s.got = append(s.got, *m)
	}
	s.mu.Unlock()
	if lost {
		time.Sleep(20 * time.Millisecond) // as one that hangs
		return false
	}
	if s.unix == "" {
		return s.end(m, m.to, reply)
	}
	for _, to := range m.to {
		if !s.end(m, []string{to}, reply) {
			return false
		}
	}
	return true
}

// end accepts a message for recipients, or refuses it; false when the reply was 421. What was accepted counts before the
// reply is sent: the client may be killed when it gets it.
func (s *sink) end(m *sunk, to []string, reply func(string) bool) bool {
	text := s.say("end", string(m.body), "250 2.0.0 queued")
	if text[0] == '2' {
		s.mu.Lock()
		s.got = append(s.got, sunk{from: m.from, to: to, body: m.body})
		s.mu.Unlock()
	}
	reply(text)
	return !strings.HasPrefix(text, "421")
}

// deliver adds a destination to an account.
func (h *house) deliver(account string, lines ...string) {
	fmt.Fprintf(&h.conf, "\n[[account.%s.deliver]]\n%s\n", account, strings.Join(lines, "\n"))
}

// relay adds a sink as the account's destination "smtp" or "lmtp".
func (h *house) relay(account string, s *sink, more ...string) {
	kind, address := "smtp", s.addr
	if s.unix != "" {
		kind, address = "lmtp", "unix:"+s.unix
	}
	lines := []string{fmt.Sprintf("type = %q\naddress = %q\ntls = \"none\"", kind, address)}
	if !strings.Contains(strings.Join(more, "\n"), "to = ") {
		lines = append(lines, `to = ["me@example.org"]`)
	}
	h.deliver(account, append(lines, more...)...)
}

// spooled is how many files wait for a destination, and their octets.
func (h *house) spooled(account, destination string) (files int, octets int64) {
	var folder string
	for _, identity := range h.query(fmt.Sprintf(`SELECT d.identity FROM destination AS d JOIN account AS a ON a.id = d.account
		WHERE a.name = '%s' AND d.name = '%s'`, account, destination)) {
		folder = strings.Fields(identity)[1]
	}
	list, err := os.ReadDir(filepath.Join(h.state(), "spool", folder))
	if err != nil || folder == "" {
		h.t.Errorf("spool folder %q: %v", folder, err)
	}
	for _, f := range list {
		if fi, err := f.Info(); err == nil { // else sent meanwhile
			files, octets = files+1, octets+fi.Size()
		}
	}
	return files, octets
}

// The sink is what other tests rely on: what it says and keeps is looked at once.
func TestSink(t *testing.T) {
	s := newSink(t)
	s.set(func(verb, arg string) string {
		if verb == "RCPT" && arg == "no@example.org" {
			return "550 5.1.1 nobody"
		}
		return ""
	}, func(m sunk) (bool, bool) { return bytes.HasPrefix(m.body, []byte("lose")), false })
	talk := func(lines string) string {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, strings.ReplaceAll(lines, "\n", "\r\n")); err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(conn)
		return string(b)
	}
	head := "EHLO x\nMAIL FROM:<a@b> SIZE=1\nRCPT TO:<no@example.org>\nRCPT TO:<me@example.org>\nDATA\n"
	got := talk(head + "..dot\nx\n.\nQUIT\n")
	if !strings.Contains(got, "550 5.1.1 nobody\r\n250 2.1.5 ok\r\n354") || !strings.HasSuffix(got, "queued\r\n221 2.0.0 bye\r\n") {
		t.Errorf("%q", got)
	}
	if got := talk(head + "lose\n.\nQUIT\n"); !strings.HasSuffix(got, "354 go on\r\n") {
		t.Errorf("%q", got)
	}
	if all := s.messages(); len(all) != 1 || string(all[0].body) != ".dot\r\nx\r\n" || all[0].from != "a@b" || !slices.Equal(all[0].to, []string{"me@example.org"}) {
		t.Errorf("%+v", all)
	}
	s.stop()
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("it is still there")
	}
	s.start()
	if got := talk("QUIT\n"); !strings.HasPrefix(got, "220") {
		t.Errorf("%q", got)
	}
}
