package acceptance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver/delivertest/postfix"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// exampleDestinations are the destinations in config.example.toml, those in comments too, by their name or else type.
func exampleDestinations(t *testing.T) map[string]string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "config.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	var table strings.Builder
	end := func() {
		if table.Len() > 0 {
			name, kind := "", ""
			for line := range strings.Lines(table.String()) {
				_, _ = fmt.Sscanf(line, "name = %q", &name)
				_, _ = fmt.Sscanf(line, "type = %q", &kind)
			}
			if name == "" {
				name = kind
			}
			if all[name] != "" {
				t.Errorf("two destinations %q", name)
			}
			all[name] = table.String()
		}
		table.Reset()
	}
	inside := false
	for line := range strings.Lines(string(doc)) {
		example := strings.TrimPrefix(line, "#") // lines with a "#" and a space stay comments
		if strings.HasPrefix(example, "[") {
			end()
			inside = strings.HasPrefix(example, "[[account.work.deliver]]")
		}
		if inside && !strings.HasPrefix(example, " ") {
			table.WriteString(example)
		}
	}
	end()
	return all
}

// Every destination in config.example.toml does what is said there, at real servers.
func TestAcceptRemoteExample(t *testing.T) {
	t.Parallel()
	examples, tried := exampleDestinations(t), map[string]bool{}
	for name, try := range map[string]func(*testing.T, string){
		"maildir": func(t *testing.T, text string) {
			h, messages := triesExample(t, text)
			same(t, wanted(messages...), arrived(t, h.mail("Mail/work")))
		},
		"quarantine": func(t *testing.T, text string) {
			server := postfix.Start(t, postfix.Options{Users: []string{"me"}, SizeLimit: 4500})
			h, messages := triesExample(t, replace(t, examples["postfix"], "localhost:25", server.Addr, "me@localhost", "me@"+postfix.Domain)+text)
			var small, big [][]byte
			for _, m := range messages {
				if len(m) < 4500 {
					small = append(small, m)
				} else {
					big = append(big, m)
				}
			}
			same(t, relayed(small...), untraced(t, server.Messages("me")))
			same(t, wanted(big...), arrived(t, h.mail("Mail/quarantine")))
			if len(small) == 0 || len(big) == 0 {
				t.Errorf("%d small, %d big", len(small), len(big))
			}
		},
		"main": func(t *testing.T, text string) {
			server := guarded(t)
			_, messages := triesExample(t, loginAt(t, text, server))
			same(t, relayed(messages...), untraced(t, server.Messages("me")))
		},
		"mailbox": func(t *testing.T, text string) {
			server := dovecot.Start(t, dovecot.Options{IMAP: true, Users: 1})
			_, messages := triesExample(t, replace(t, text, "imap.example.net:993", server.IMAPS, "me@example.net", "u1",
				`["pass", "show", "mail/mailbox"]`, fmt.Sprintf(`["printf", %q]`, dovecot.Password))+fmt.Sprintf("ca_file = %q\n", server.CAFile))
			same(t, withoutCRs(messages...), inMaildir(t, server.Maildir("u1")))
		},
		"file": func(t *testing.T, text string) {
			home := t.TempDir()
			_, messages := triesExample(t, replace(t, text, "~/mail", home))
			same(t, filed(messages...), inMbox(t, filepath.Join(home, "work.mbox")))
		},
		"gmail": func(t *testing.T, text string) { // TestGmailRecipes, beside the commands, plays what docs/gmail.md says with it
			config, err := os.ReadFile("../../../docs/gmail.md")
			if err != nil {
				t.Fatal(err)
			}
			tight := func(s string) string { return strings.ReplaceAll(s, " ", "") }
			for line := range strings.Lines(text) {
				if line = tight(strings.TrimSpace(line)); strings.Contains(line, "=") && !strings.HasPrefix(line, "name") && !strings.Contains(tight(string(config)), line) {
					t.Errorf("docs/gmail.md has another line than %s", line)
				}
			}
		},
		"postfix": func(t *testing.T, text string) {
			server := postfix.Start(t, postfix.Options{Users: []string{"me"},
				Extra: "virtual_alias_domains = localhost\nvirtual_alias_maps = inline:{{me@localhost = me@" + postfix.Domain + "}}"})
			_, messages := triesExample(t, replace(t, text, "localhost:25", server.Addr))
			same(t, relayed(messages...), untraced(t, server.Messages("me")))
		},
		"dovecot": func(t *testing.T, text string) {
			server := dovecot.Start(t, dovecot.Options{LMTP: true})
			server.AddUser("me")
			_, messages := triesExample(t, replace(t, text, "/run/dovecot/lmtp", server.LMTP))
			same(t, relayed(messages...), untraced(t, maildirMessages(t, server.Maildir("me"))))
		},
		"everybody": func(t *testing.T, text string) {
			free := freePort(t)
			server := dovecot.Start(t, dovecot.Options{LMTP: true,
				Extra: fmt.Sprintf("service lmtp {\n  inet_listener lmtp {\n    address = 127.0.0.1\n    port = %d\n  }\n}", free)})
			server.AddUser("me")
			_, messages := triesExample(t, replace(t, text, "localhost:24", fmt.Sprintf("127.0.0.1:%d", free)))
			same(t, relayed(messages...), untraced(t, maildirMessages(t, server.Maildir("me"))))
		},
		"sorted": func(t *testing.T, text string) {
			for _, program := range []string{"/usr/bin/maildrop", "/usr/bin/maildirmake.maildrop"} {
				if _, err := os.Stat(program); err != nil {
					if os.Getenv("CI") != "" {
						t.Fatal(err)
					}
					t.Skip("NOT TESTED: ", err)
				}
			}
			home := t.TempDir()
			filter := filepath.Join(home, ".popsync", "mailfilter")
			if err := os.Mkdir(filepath.Dir(filter), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filter, fmt.Appendf(nil, "to %q\n", home+"/Maildir/"), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("/usr/bin/maildirmake.maildrop", home+"/Maildir").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			_, messages := triesExample(t, replace(t, text, "/home/me", home))
			same(t, wanted(messages...), untraced(t, maildirMessages(t, home+"/Maildir")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := examples[name]
			if text == "" {
				t.Fatalf("config.example.toml has no destination %q", name)
			}
			try(t, text)
		})
		tried[name] = true
	}
	for name := range examples {
		if !tried[name] {
			t.Errorf("the destination %q of config.example.toml is not tested", name)
		}
	}
}

// triesExample delivers 30 messages, which carry the field of an envelope, and sees that they leave the server.
func triesExample(t *testing.T, text string) (*house, [][]byte) {
	t.Helper()
	// None is near the limit that one of the servers has.
	messages := append(mailgen.Messages(20, 20, 500, 3000), mailgen.Messages(21, 10, 6000, 9000)...)
	for i, m := range messages {
		messages[i] = append([]byte("X-Original-To: me@example.org\r\n"), m...)
	}
	h := newHouse(t)
	pop, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h.work(addr, text, `delete = "after-delivery"`, "delete_quarantined = true")
	h.run(0)
	h.run(0)
	if left := len(pop.Messages("u")); left != 0 {
		t.Errorf("%d left on the server", left)
	}
	h.nothingWaits()
	return h, messages
}
