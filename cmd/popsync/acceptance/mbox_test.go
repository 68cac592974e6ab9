package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

var (
	fromLine    = regexp.MustCompile(`(?m)^From [^ \n]+ [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d \d{4}\n`)
	quotedFroms = regexp.MustCompile(`(?m)^>(>*From )`)
)

// inMbox is what a mailbox file holds, as a reader of mboxrd sees it.
func inMbox(t testing.TB, path string) sums {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := sums{}
	at := fromLine.FindAllIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		s[sha256.Sum256(quotedFroms.ReplaceAll(bytes.TrimSuffix(text[m[1]:end], []byte("\n")), []byte("$1")))]++
	}
	return s
}

// filed is what must be in a mailbox file: a last line has an end.
func filed(messages ...[]byte) sums {
	s := sums{}
	for _, m := range messages {
		m = mailgen.Stored(m)
		if len(m) > 0 && m[len(m)-1] != '\n' {
			m = append(bytes.Clone(m), '\n')
		}
		s[sha256.Sum256(m)]++
	}
	return s
}

// kill -9, again and again, in the midst of messages into a mailbox file: nothing is lost, nothing is there twice, and no piece is left.
func TestAcceptMboxKill(t *testing.T) {
	t.Parallel()
	const all = 300
	times := 12
	if large() {
		times = 100
	}
	for i, policy := range []string{"never", "after-delivery"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.conf.WriteString("[limits]\nbatch_messages = 40\n")
			messages := mailgen.Messages(51, all, 500, 30_000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			path := filepath.Join(h.dir, "file")
			h.account("a", addr, "u", "p", "Mail", fmt.Sprintf("delete = %q", policy))
			fmt.Fprintf(&h.conf, "\n[[account.a.deliver]]\ntype = \"mbox\"\npath = %q\n", path)
			r := rand.New(rand.NewPCG(52, uint64(i)))
			var octets int
			for _, m := range messages {
				octets += len(m)
			}
			size := func() int {
				info, err := os.Stat(path)
				if err != nil {
					return 0
				}
				return int(info.Size())
			}
			kills := 0
			for range times {
				next := size() + 1 + r.IntN(2*octets/(times+2)+1)
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
					case <-time.After(200 * time.Microsecond):
						if size() >= next {
							_ = cmd.Process.Kill()
							<-done
							kills, running = kills+1, false
						}
					}
				}
			}
			h.exec(`UPDATE delivery SET next_try = 0`) // one that three kills left in doubt waits for a day
			h.run(0)
			h.run(0)
			lost, extra := differ(filed(messages...), inMbox(t, path))
			t.Logf("%d kills: %d lost, %d twice or torn", kills, lost, extra)
			if lost > 0 || extra > 0 || kills < times/2 {
				t.Errorf("%d kills: %d lost, %d twice or torn", kills, lost, extra)
			}
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			want := len(messages)
			if policy == "after-delivery" {
				want = 0
			}
			if n := len(server.Messages("u")); n != want {
				t.Errorf("%d on the server, want %d", n, want)
			}
			h.nothingWaits()
			if _, err := os.Stat(path + ".lock"); err == nil {
				t.Error("a lock is left")
			}
		})
	}
}

// The recipe, as it is written, with every odd message; mailutils, Python and Dovecot read as many as were sent.
func TestAcceptMboxRecipe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if err := os.Mkdir(filepath.Join(h.dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	messages := append(mailgen.Messages(53, 40, 300, 3000), []byte("From: a@a.example\r\nSubject: quoted\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom afar Sun Nov  8 07:00:00 2026\r\nno end"))
	_, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h.work(addr, recipe(t, "Into a mailbox file"))
	looked := h.popsync("check")
	if text := looked.out + looked.err; looked.code != 0 || !strings.Contains(text, "is not there, and the first run makes it; it is locked by fcntl and a .lock file; nothing was written") {
		t.Errorf("check: exit code %d\n%s", looked.code, text)
	}
	h.run(0)
	h.run(0)
	path := filepath.Join(h.dir, "mail", "work.mbox")
	same(t, filed(messages...), inMbox(t, path))
	looked = h.popsync("check")
	if text := looked.out + looked.err; looked.code != 0 || !strings.Contains(text, " and can be written; it is locked by") {
		t.Errorf("check: exit code %d\n%s", looked.code, text)
	}
	for name, argv := range map[string][]string{
		"mailutils": {"frm.mailutils", path},
		"Python": {"python3", "-c", `import mailbox,sys
for m in mailbox.mbox(sys.argv[1], create=False): print(m["subject"] or "none")`, path},
	} {
		program, err := exec.LookPath(argv[0])
		if err != nil {
			t.Errorf("%s is not there: see tools/test-deps.sh", argv[0])
			continue
		}
		out, err := exec.Command(program, argv[1:]...).CombinedOutput()
		if name == "mailutils" { // its exit code tells whether mail is unread
			err = nil
		}
		if n := bytes.Count(bytes.TrimRight(out, "\n"), []byte("\n")) + 1; err != nil || n != len(messages) {
			t.Errorf("%s sees %d messages, want %d: %v\n%s", name, n, len(messages), err, out)
		}
	}
}

// The program for new mail is run once after a pass that brought some, and its failure changes nothing.
func TestAcceptNewMail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	messages := mailgen.Messages(54, 4, 300, 3000)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages[:3]))
	out, program := filepath.Join(h.dir, "out"), filepath.Join(h.dir, "tell")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$* $POPSYNC_ACCOUNT $POPSYNC_NEW $POPSYNC_SETTLED $POPSYNC_PATH\" >>"+out+"\nenv >>"+out+".env\necho no index >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.account("a", addr, "u", "p", "Mail", fmt.Sprintf("new_mail_command = [%q, \"{account}\"]", program))
	r := h.run(0)
	if !strings.Contains(r.err, "new_mail_command failed") || !strings.Contains(r.err, "no index") {
		t.Errorf("the log does not say that it failed:\n%s", r.err)
	}
	if r = h.run(0); strings.Contains(r.err, "new_mail_command") {
		t.Errorf("it was run without new mail:\n%s", r.err)
	}
	server.Deliver("u", pop3test.Message{UID: "another", Data: messages[3]})
	h.run(0)
	text, err := os.ReadFile(out)
	if want := fmt.Sprintf("a a 3 3 %[1]s\na a 1 1 %[1]s\n", h.mail("Mail")); err != nil || string(text) != want {
		t.Errorf("%q, %v, want %q", text, err, want)
	}
	d := h.daemon()
	server.Deliver("u", pop3test.Message{UID: "the next", Data: []byte("Subject: by the daemon\r\n\r\nx\r\n")})
	h.run(0)
	d.says("new_mail_command failed")
	d.stops(0)
	if text, err := os.ReadFile(out); err != nil || !strings.HasSuffix(string(text), fmt.Sprintf("\na a 1 1 %s\n", h.mail("Mail"))) || bytes.Count(text, []byte("\n")) != 3 {
		t.Errorf("with a daemon: %q, %v", text, err)
	}
	looked := h.popsync("check")
	if text := looked.out + looked.err; looked.code != 0 || !strings.Contains(text, "new_mail_command "+program+" is there and may be run; it was not run") {
		t.Errorf("check: exit code %d\n%s", looked.code, text)
	}
	if err := os.Chmod(program, 0o722); err != nil {
		t.Fatal(err)
	}
	if looked = h.popsync("check"); looked.code != 78 {
		t.Errorf("check of a program that others can change: exit code %d\n%s", looked.code, looked.out+looked.err)
	}
}
