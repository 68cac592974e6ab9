package acceptance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver/imap/imaptest"
	"github.com/popsync/popsync/pop3/pop3test"
)

// What a person sees when a mailbox refuses: the exit code of a run, and what status says. The Maildir beside gets its mail all the same,
// and once the mailbox takes mail again, all of it is there once.
func TestAcceptIMAPRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		refuse func(verb, text string) string // of the message itself, with the verb APPEND
		code   int
		says   string
	}{
		{"over quota", onAppend("NO [OVERQUOTA] Quota exceeded"), 75, "Quota exceeded"},
		{"throttled", onAppend("NO Request is throttled. Suggested Backoff Time: 299609 milliseconds"), 75, "throttled"},
		{"hangs up", onAppend("BYE Invalid character in literal."), 75, "Invalid character"},
		{"may not", onAppend("NO [NOPERM] Permission denied"), 78, "Permission denied"},
		{"no folder", func(verb, _ string) string {
			if verb == "STATUS" {
				return "NO [NONEXISTENT] Unknown Mailbox"
			}
			return ""
		}, 78, "create = true"},
		{"login", func(verb, _ string) string {
			if verb == "AUTHENTICATE" {
				return "NO [AUTHENTICATIONFAILED] Invalid credentials"
			}
			return ""
		}, 77, "Invalid credentials"},
		{"one message", func(verb, text string) string {
			if verb == "APPEND" && strings.Contains(text, "forbidden") {
				return "BAD Command Argument Error. 11"
			}
			return ""
		}, 75, "Command Argument Error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			messages := append(mailgen.Messages(50, 6, 300, 900), []byte("From: a@example.org\r\nSubject: forbidden\r\n\r\nx\r\n"))
			_, addr := serve(t, pop3test.Options{}, boxOf(messages))
			server := imaptest.Start(t, imaptest.Options{
				On:    tt.refuse,
				After: func(_ int, text string) string { return tt.refuse("APPEND", text) },
			})
			h.account("a", addr, "u", "p", "Mail", `delete = "never"`)
			fmt.Fprintf(&h.conf, "\n[[account.a.deliver]]\ntype = \"imap\"\naddress = %q\ntls = \"none\"\nusername = \"me\"\npassword = \"secret-of-mine\"\n", server.Addr)
			r := h.popsync("run")
			if r.code != tt.code || strings.Contains(r.out+r.err, "secret-of-mine") {
				t.Errorf("run: exit code %d, want %d\n%s%s", r.code, tt.code, r.out, r.err)
			}
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			s := h.popsync("status")
			p := h.popsync("parked")
			if !strings.Contains(s.out+p.out, tt.says) {
				t.Errorf("status and parked do not say %q:\n%s%s", tt.says, s.out, p.out)
			}
			server.Change(func(o *imaptest.Options) { o.On, o.After = nil, nil })
			h.exec(`UPDATE delivery SET next_try = 0`)
			for range 3 {
				h.popsync("run", "a")
			}
			got := map[string]int{}
			for _, m := range server.Messages("INBOX") {
				got[m.Text]++
			}
			for _, m := range messages {
				if n := got[string(mailgen.Wire(m))]; n != 1 {
					t.Errorf("a message is there %d times once the mailbox takes mail again", n)
				}
			}
		})
	}
}

func onAppend(answer string) func(verb, text string) string {
	return func(verb, _ string) string {
		if verb == "APPEND" {
			return answer
		}
		return ""
	}
}
