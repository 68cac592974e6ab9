//go:build bench

package ratio

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// idealAppend is what the ideal client is called in the tables of scenarioM.
const idealAppend = "ideal APPEND client"

// scenarioM: mail that goes into a mailbox by IMAP. The ideal client has the messages in memory already, sends them all over one
// connection without a wait, and remembers nothing.
func (b *bench) scenarioM() {
	b.user = 0
	d := dovecot.Start(b.t, dovecot.Options{Users: 100, IMAP: true})
	messages := mailgen.Messages(9, b.size(2_000), 2000, 8000)
	for _, rt := range []time.Duration{0, 50 * time.Millisecond} {
		all := b.entrants(nil, nil)
		all[1].program.name = idealAppend
		addr := b.far(d.IMAP, rt, 0)
		tab := b.race(fmt.Sprintf("M: %d messages of 2 to 8 KB by POP3, no distance, into a mailbox by IMAP %v away, deleted", len(messages), rt), all,
			func(e entrant, counted bool) (outcome, int) {
				return b.intoMailbox(d, e, addr, messages, counted)
			})
		q := tab.ratio(idealAppend)
		b.page.goal(b.t, fmt.Sprintf("M, %v", rt), "1.5 times the ideal APPEND client", fmt.Sprintf("%.2f times", q), q <= 1.5)
	}
}

// intoMailbox makes a run into an empty INBOX, and looks at what is there.
func (b *bench) intoMailbox(d *dovecot.Server, e entrant, addr string, messages [][]byte, counted bool) (o outcome, n int) {
	b.t.Helper()
	to := b.next()
	if e.program.name == idealAppend {
		began := time.Now()
		b.must(appendAll(addr, to, messages))
		o = outcome{wall: time.Since(began), syncs: -1}
	} else {
		user := b.box(d, messages)
		h := b.home()
		o = h.run(e.program, e.setup(h, task{addr: d.Plain, users: []string{user}, del: true, imap: addr, imapUser: to}), patience, counted)
		if left := d.Count(user); left > 0 {
			b.t.Fatalf("%d were not deleted", left)
		}
	}
	got, want := sums{}, sums{}
	files, err := filepath.Glob(filepath.Join(d.Maildir(to), "[cn][ue][rw]", "*"))
	b.must(err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		b.must(err)
		got[sha256.Sum256(bytes.ReplaceAll(text, []byte("\r"), nil))]++
	}
	for _, m := range messages {
		want[sha256.Sum256(bytes.ReplaceAll(mailgen.Wire(m), []byte("\r"), nil))]++
	}
	(&home{b: b}).compare(program{name: e.program.name, ours: true}, &o, got, want)
	return o, len(messages)
}

// appendAll sends messages without a wait for any answer (RFC 9051, section 6.3.12; LITERAL+ of RFC 7888).
func appendAll(addr, user string, messages [][]byte) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	r, w := bufio.NewReader(c), bufio.NewWriterSize(c, 64<<10)
	until := func(tag string) error {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if rest, ok := strings.CutPrefix(line, tag+" "); ok {
				if !strings.HasPrefix(rest, "OK") {
					return fmt.Errorf("server said %q", line)
				}
				return nil
			}
		}
	}
	if err := until("*"); err != nil {
		return err
	}
	fmt.Fprintf(w, "in LOGIN %s %q\r\n", user, dovecot.Password)
	if err := w.Flush(); err != nil {
		return err
	}
	if err := until("in"); err != nil {
		return err
	}
	answered := make(chan error, 1)
	go func() {
		for i := range messages {
			if err := until(fmt.Sprintf("a%d", i)); err != nil {
				answered <- err
				return
			}
		}
		answered <- until("out")
	}()
	for i, m := range messages {
		m = mailgen.Wire(m)
		fmt.Fprintf(w, "a%d APPEND INBOX {%d+}\r\n%s\r\n", i, len(m), m)
	}
	io.WriteString(w, "out LOGOUT\r\n")
	if err := w.Flush(); err != nil {
		return err
	}
	return <-answered
}
