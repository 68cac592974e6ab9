package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// mailbox adds a destination by IMAP.
func (h *house) mailbox(box realBox, more string) {
	fmt.Fprintf(&h.conf, "\n[[account.a.deliver]]\ntype = \"imap\"\naddress = %q\ntls = \"none\"\nusername = \"u1\"\npassword = %q\n%s\n",
		box.addr, box.password, more)
}

// realBox is the mailbox of u1 on a real server.
type realBox struct {
	addr, password string
	count          func() int
	have           func() sums // without CRs
	makes          func(messages [][]byte) sums
}

func dovecotBox(t *testing.T) realBox {
	server := dovecot.Start(t, dovecot.Options{IMAP: true, Users: 1})
	return realBox{server.IMAP, dovecot.Password, func() int { return server.Count("u1") },
		func() sums { return inMaildir(t, server.Maildir("u1")) }, func(messages [][]byte) sums { return withoutCRs(messages...) }}
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
