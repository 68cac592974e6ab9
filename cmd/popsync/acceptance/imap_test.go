package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// mailbox adds a destination by IMAP.
func (h *house) mailbox(server *dovecot.Server, more string) {
	fmt.Fprintf(&h.conf, "\n[[account.a.deliver]]\ntype = \"imap\"\naddress = %q\ntls = \"none\"\nusername = \"u1\"\npassword = %q\n%s\n",
		server.IMAP, dovecot.Password, more)
}

// elsewhere is an address of this machine that is not the one of the POP3 server: a mailbox there is another one.
func elsewhere(address string) string { return strings.Replace(address, "127.0.0.1", "localhost", 1) }

// inMaildir is what Dovecot has, whose lines end in LF.
func inMaildir(t testing.TB, dir string) sums {
	s := sums{}
	for _, m := range maildirMessages(t, dir) {
		s[sha256.Sum256(bytes.ReplaceAll(m, []byte("\r"), nil))]++
	}
	return s
}

func withoutCRs(messages ...[]byte) sums {
	s := sums{}
	for _, m := range messages {
		s[sha256.Sum256(bytes.ReplaceAll(mailgen.Wire(m), []byte("\r"), nil))]++
	}
	return s
}

// kill -9, again and again, in the midst of messages into a mailbox by IMAP: nothing is lost, and nothing is there twice.
func TestAcceptIMAPKill(t *testing.T) {
	t.Parallel()
	const all = 300
	times := 12
	if large() {
		times = 100
	}
	for _, connections := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d connections", connections), func(t *testing.T) {
			h := newHouse(t)
			h.conf.WriteString("[limits]\nbatch_messages = 40\n")
			messages := mailgen.Messages(47, all, 500, 3000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			box := dovecot.Start(t, dovecot.Options{IMAP: true, Users: 1})
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			h.mailbox(box, fmt.Sprintf("connections = %d", connections))
			r := rand.New(rand.NewPCG(48, uint64(connections)))
			kills := 0
			for range times {
				next := box.Count("u1") + 1 + r.IntN(2*all/(times+2)+1)
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
						if box.Count("u1") >= next {
							time.Sleep(time.Duration(r.IntN(4000)) * time.Microsecond)
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
			lost, extra := differ(withoutCRs(messages...), inMaildir(t, box.Maildir("u1")))
			t.Logf("%d kills: %d lost, %d twice", kills, lost, extra)
			if lost > 0 || extra > 0 || kills < times/2 {
				t.Errorf("%d kills: %d lost, %d twice", kills, lost, extra)
			}
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			if n := len(server.Messages("u")); n != 0 {
				t.Errorf("%d left on the server", n)
			}
			if files, _ := h.spooled("a", "imap"); files != 0 {
				t.Errorf("%d files are left in the spool", files)
			}
		})
	}
}

// The recipe of docs/recipes.md and the README's, as they are written.
func TestAcceptIMAPRecipes(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(49, 20, 300, 3000)
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(readme), "```toml\n[[account.work.deliver]]\ntype     = \"imap\"")
	if !ok {
		t.Fatal("the README has no recipe for IMAP")
	}
	block, _, _ = strings.Cut(block, "```")
	server := dovecot.Start(t, dovecot.Options{IMAP: true, Users: 2})
	for i, text := range []string{recipe(t, "Into an IMAP mailbox"), "[[account.work.deliver]]\ntype = \"imap\"" + block} {
		user := fmt.Sprintf("u%d", i+1)
		h := newHouse(t)
		for file, text := range map[string]string{".config/popsync/mailbox.password": dovecot.Password, "bin/pass": "#!/bin/sh\necho '" + dovecot.Password + "'\n"} {
			file = filepath.Join(h.dir, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		h.env = append(h.env, "PATH="+filepath.Join(h.dir, "bin")+":/usr/bin:/bin")
		_, addr := serve(t, pop3test.Options{}, boxOf(messages))
		text = replace(t, text, "imap.example.net:993", server.IMAPS, "me@example.net", user)
		h.work(addr, text+fmt.Sprintf("\nca_file = %q\n", server.CAFile))
		looked := h.popsync("check")
		out := looked.out + looked.err
		if looked.code != 0 {
			t.Errorf("check: exit code %d", looked.code)
		}
		for _, want := range []string{"encrypted (TLS 1.3), certificate verified, logged in as " + user, "Dovecot changes nothing"} {
			if !strings.Contains(out, want) {
				t.Errorf("check does not say %q:\n%s", want, out)
			}
		}
		h.run(0)
		h.run(0)
		dir := server.Maildir(user)
		if i == 0 {
			dir = filepath.Join(dir, ".Archive.work")
		}
		same(t, withoutCRs(messages...), inMaildir(t, dir))
	}
}
