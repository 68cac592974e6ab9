//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

var histWhole = regexp.MustCompile(`(?s)\nX-Id: (\d{6})\r?\n.*\nX-End: (\d{6})\r?\n\z`)

// histNumber is the message that some octets are; 0: none, or not all of one.
func histNumber(b []byte) int {
	m := histWhole.FindSubmatch(b)
	if m == nil || !bytes.Equal(m[1], m[2]) {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// histAdded are the lines that servers add in front of a message.
var histAdded = regexp.MustCompile(`\A((Status: RO|X-Read: [0-9]+ x*)\r?\n)*`)

// known is the message that some octets are, to the last; 0: none.
func (w *histWorld) known(b []byte) int {
	b = b[len(traceLine.Find(b)):]
	n := histNumber(b)
	if n == 0 || n > len(w.letters) {
		return 0
	}
	own := func(b []byte) []byte {
		return bytes.ReplaceAll(b[len(histAdded.Find(b)):], []byte("\r\n"), []byte("\n"))
	}
	if !bytes.Equal(own(b), own(w.letters[n-1].data)) {
		return 0
	}
	return n
}

// send puts a message into a mailbox. Bare ones differ in nothing but their number.
func (w *histWorld) send(b *histBox, bare bool) *histLetter { return w.sendLong(b, bare, w.n(60)) }

// sendLong sends a message of so many lines. Those of as many are equally long.
func (w *histWorld) sendLong(b *histBox, bare bool, words int) *histLetter {
	l := &histLetter{number: len(w.letters) + 1, box: b, bare: bare, uids: map[string]bool{}}
	b.names++
	l.name = fmt.Sprintf("%06d", b.names)
	var s strings.Builder
	if !bare {
		fmt.Fprintf(&s, "Received: from x by y; Tue, 3 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%06d@example.org>\r\nDate: Tue, 3 Nov 2026 10:00:00 +0000\r\n", l.number)
	}
	s.WriteString("From: a@example.org\r\nTo: b@example.org\r\nSubject: report\r\n")
	if !bare { // what is refused is a little longer
		if l.refused = w.chance(6) && !w.welcome; l.refused {
			s.WriteString("X-Refuse: yes\r\n")
		}
	}
	fmt.Fprintf(&s, "\r\nX-Id: %06d\r\n", l.number)
	if !bare {
		s.WriteString(strings.Repeat("some words, and then some more\r\n", words))
	}
	fmt.Fprintf(&s, ".\r\nX-End: %06d\r\n", l.number)
	l.data = []byte(s.String())
	w.letters = append(w.letters, l)
	w.oracle.offered(l.number, l.refused)
	return l
}

// sendTwin sends a message that is to share its unique-id. None of these is refused: while one is on its way for ever, popsync
// cannot tell the others apart.
func (w *histWorld) sendTwin(b *histBox) *histLetter {
	w.welcome = true
	defer func() { w.welcome = false }()
	return w.send(b, false)
}

// uid is a message's unique-id in the format of the day.
func (l *histLetter) uid() string {
	switch l.box.format {
	case 1:
		return "b-" + l.name + "-xyz"
	case 2:
		return strings.TrimLeft(l.name, "0")
	}
	return l.name + ".uid"
}

// tag is what a message of an account is called in Maildirs now.
func (a *histAccount) tag(l *histLetter) string { return a.name + " " + l.uid() }

// serve starts the server of this world. It plays the trouble of the run and tells the oracle of RETR and DELE.
func (w *histWorld) serve() {
	w.server = pop3test.NewServer(pop3test.Options{OnCommand: func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
		var silent *pop3test.Reply
		if s.Conn().(*histConn).muted {
			silent = &pop3test.Reply{}
		}
		first, _, _ := strings.Cut(arg, " ")
		n, _ := strconv.Atoi(first)
		m, ok := s.Message(n)
		if !ok || !slices.Contains([]string{"RETR", "DELE", "TOP", "LIST"}, verb) {
			return silent
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, a := range w.accounts {
			if a.box.user != s.User() || verb == "TOP" || verb == "LIST" {
				continue
			}
			letter := histNumber(m.Data)
			required, any, stand := a.required()
			if verb == "RETR" {
				tag := a.tag(w.letters[letter-1])
				if w.trouble.noUIDL {
					tag = a.name + " by its header or content"
				}
				w.oracle.retr(letter, required, tag)
				continue
			}
			w.look()
			w.oracle.dele(letter, required, any, stand)
		}
		if verb == "DELE" {
			return silent
		}
		return w.reply(s, verb, arg, n, m)
	}})
	w.t.Cleanup(w.server.Close)
	addr, err := w.server.Listen()
	w.must(err)
	w.port = addr.Port
}

// offer fills the server's mailboxes, with the trouble of the next run.
func (w *histWorld) offer() {
	for _, b := range w.boxes {
		var all []pop3test.Message
		for _, l := range w.letters {
			if l.box == b && !l.gone && l.hidden == 0 {
				l.uids[l.uid()] = true
				size := w.listed(l)
				if size > int64(len(l.data)) {
					b.lies[l.number] = true
				}
				all = append(all, pop3test.Message{UID: l.uid(), Data: l.data, ListSize: size})
			}
		}
		w.server.AddUser(b.user, "p", all...)
	}
	tr := w.trouble
	w.server.Change(func(o *pop3test.Options) {
		o.NoTOP, o.NoUIDL, o.NoPipelining, o.NoCAPA = tr.noTOP, tr.noUIDL, tr.noPipelining, tr.noCAPA
		plan := fault.Each(func(n int) fault.Plan {
			if n > 0 || tr.cut == 0 {
				return fault.Plan{}
			}
			return fault.Plan{Kind: fault.Close, After: tr.cut}
		})
		o.Wrap = func(conn net.Conn) net.Conn {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.talks++
			return &histConn{Conn: plan(conn), w: w}
		}
	})
}

// settleServer finds out what popsync has deleted.
func (w *histWorld) settleServer() {
	for _, b := range w.boxes {
		still := map[int]bool{}
		for _, m := range w.server.Messages(b.user) {
			still[histNumber(m.Data)] = true
		}
		for _, l := range w.letters {
			if l.box == b && !l.gone && l.hidden == 0 && !still[l.number] {
				l.gone = true
				w.oracle.left(l.number, "popsync")
			}
		}
	}
}
