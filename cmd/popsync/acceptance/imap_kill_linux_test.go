package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// cyrusBox is a mailbox of Cyrus, whose files are called by their UIDs.
func cyrusBox(t *testing.T) realBox {
	addr, spool := startCyrusIMAP(t)
	each := func(f func(path string)) {
		_ = filepath.WalkDir(spool, func(path string, d fs.DirEntry, err error) error {
			if name, ok := strings.CutSuffix(filepath.Base(path), "."); err == nil && ok && strings.Trim(name, "0123456789") == "" {
				f(path)
			}
			return nil
		})
	}
	return realBox{addr, "secret", func() (n int) {
		each(func(string) { n++ })
		return n
	}, func() sums {
		s := sums{}
		each(func(path string) {
			text, err := os.ReadFile(path)
			must(t, err)
			s[sha256.Sum256(bytes.ReplaceAll(text, []byte("\r"), nil))]++
		})
		return s
	}, func(messages [][]byte) sums {
		for i, m := range messages {
			header := bytes.Index(m, []byte("\r\n\r\n"))
			messages[i] = slices.Clone(m)
			for j := range max(header, 0) {
				if m[j] >= 0x80 {
					messages[i][j] = 'X' // munge8bit, which is its default
				}
			}
		}
		return withoutCRs(messages...)
	}}
}

// kill -9, again and again, in the midst of messages that go into a mailbox by IMAP through windows, and of the looks after that: nothing
// is lost, and nothing is there twice.
func TestAcceptIMAPKill(t *testing.T) {
	t.Parallel()
	const all = 300
	times := 6
	if large() {
		times = 50
	}
	for i, tt := range []struct {
		name   string
		box    func(t *testing.T) realBox
		more   string
		policy string
	}{
		{"Dovecot", dovecotBox, "", "after-delivery"},
		{"Dovecot, 3 connections", dovecotBox, "connections = 3", "after-delivery"},
		{"Dovecot, one in flight, keep", dovecotBox, "in_flight = 1", "never"},
		{"Cyrus", cyrusBox, "", "after-delivery"},
		{"Cyrus, 2 connections, keep", cyrusBox, "connections = 2", "never"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.conf.WriteString("[limits]\nbatch_messages = 40\n")
			messages := mailgen.Messages(47, all, 500, 3000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			box := tt.box(t)
			h.account("a", addr, "u", "p", "Mail", fmt.Sprintf("delete = %q", tt.policy))
			h.mailbox(box, tt.more)
			r := rand.New(rand.NewPCG(48, uint64(i)))
			kills, doubts := 0, 0
			for range times {
				next := box.count() + 1 + r.IntN(2*all/(times+2)+1)
				cmd := h.command("run")
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- cmd.Wait() }()
				for running := true; running; {
					select {
					case <-done:
						running = false
					case <-time.After(time.Millisecond):
						if box.count() >= next {
							time.Sleep(time.Duration(r.IntN(4000)) * time.Microsecond)
							_ = cmd.Process.Kill()
							<-done
							kills, running = kills+1, false
							doubts += h.patient(`SELECT count(*) FROM delivery JOIN destination ON destination.id = delivery.destination
								WHERE delivery.state = 2 AND destination.name = 'imap'`)
						}
					}
				}
				h.exec(`UPDATE delivery SET next_try = 0`) // one that three kills left in doubt waits for a day
			}
			h.popsync("run") // counts what the last kill left in doubt
			h.exec(`UPDATE delivery SET next_try = 0`)
			h.run(0)
			h.run(0)
			lost, extra := differ(box.makes(slices.Clone(messages)), box.have())
			t.Logf("%d kills, which left %d in doubt: %d lost, %d twice", kills, doubts, lost, extra)
			if lost > 0 || extra > 0 || kills < times/3 || doubts < kills {
				t.Errorf("%d kills, which left %d in doubt: %d lost, %d twice", kills, doubts, lost, extra)
			}
			if t.Failed() {
				t.Log(h.popsync("status").out)
			}
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			if n := len(server.Messages("u")); tt.policy != "never" && n != 0 {
				t.Errorf("%d left on the server", n)
			}
			if files, _ := h.spooled("a", "imap"); files != 0 {
				t.Errorf("%d files are left in the spool", files)
			}
		})
	}
}
