package acceptance_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver/gmail/gmailtest"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// letter is a message that Gmail takes, or would but for its head.
func letter(i int, head string) []byte {
	return fmt.Appendf(nil, "Received: from a.example by pop.example with ESMTP id x%d; Sat, 28 Nov 2026 10:00:00 +0000\r\n%sDate: Sat, 28 Nov 2026 09:59:00 +0000\r\nSubject: number %d\r\n\r\n%s",
		i, head, i, strings.Repeat(fmt.Sprintf("This is line of number %d.\r\n", i), 20))
}

func usual(i int) []byte {
	return letter(i, fmt.Sprintf("Message-ID: <%d@a.example>\r\nFrom: a@a.example\r\n", i))
}

// gmail adds a destination, and a fallback for what it refuses.
func (a *agency) gmail(t *testing.T, o gmailtest.Options, more string) *gmailtest.Server {
	t.Helper()
	o.Token = func(token string) ([]string, bool) {
		_, ok := a.p.Valid(token)
		return []string{"https://mail.google.com/"}, ok
	}
	s := gmailtest.New(o)
	t.Cleanup(s.Close)
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(a.dir, "gmail.pem")
	if err := os.WriteFile(ca, s.CA, 0o644); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&a.conf, "\n[[account.work.deliver]]\ntype = \"gmail\"\naddress = %q\nca_file = %q\nusername = %q\noauth = \"test\"\n%s\n"+
		"[[account.work.deliver]]\ntype = \"maildir\"\nname = \"refused\"\npath = %q\nfallback = true\n", addr, ca, mailboxName, more, a.mail("Refused"))
	return s
}

// Two messages that Gmail forbids stop no other: they are named with Gmail's reason, and in the fallback. When the login ends there is
// nothing but word of that, until somebody logs in.
func TestAcceptGmail(t *testing.T) {
	t.Parallel()
	var messages [][]byte
	for i := range 12 {
		messages = append(messages, usual(i))
	}
	messages[3] = letter(3, "Message-ID: <3@a.example>\r\n")
	messages[7] = letter(7, "From: a@a.example, b@a.example\r\n")
	messages[9] = letter(9, "From: a@a.example\r\n")                                // no Message-ID
	messages[11] = letter(11, "Message-ID: <1@a.example>\r\nFrom: a@a.example\r\n") // that of another one
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Lenient}, boxOf(messages))
	box := a.gmail(t, gmailtest.Options{}, `labels = ["INBOX", "UNREAD", "Imported"]`)
	login := func(who string) {
		t.Helper()
		s := a.sit("login", who)
		visit(t, s.sees(loginAddress))
		s.ends(0, who+": logged in as me@example.org")
	}
	login("work")
	a.popsyncSays(t, 77, "nobody has logged in yet", "popsync login work/gmail", "run", "work")
	a.popsyncSays(t, 77, "nobody has logged in yet", `step 1: Log in as me@example.org.*popsync login work/gmail \(not done`, "check", "--verbose")
	login("work/gmail")
	a.popsyncSays(t, 0, "logged in as me@example.org; labels INBOX, UNREAD, Imported, of which the first message makes Imported", "Gmail takes about 230 messages a minute", "check", "--verbose")
	box.Set(func(o *gmailtest.Options) {
		o.Fault = func(gmailtest.Call) gmailtest.Fault {
			return gmailtest.Fault{Status: 403, Reason: "accessNotConfigured", Message: "Gmail API has not been used in project 1 before or it is disabled."}
		}
	})
	a.popsyncSays(t, 78, "Gmail API has not been used in project 1", `step 1: .* \(done\).*switch on the Gmail API in the Google Cloud project`, "check", "--verbose")
	box.Set(func(o *gmailtest.Options) { o.Fault = nil })
	trace := filepath.Join(a.dir, "trace.txt")
	r := a.popsync("run", "--trace", trace, "work")
	text := strings.Join(strings.Fields(r.out+r.err), " ")
	for _, want := range []string{"Expected a single 'From' header", "Invalid From header", `"msg":"unsure"`, "merged by Gmail"} {
		if !strings.Contains(text, want) {
			t.Errorf("the run does not say %q:\n%s%s", want, r.out, r.err)
		}
	}
	if r.code != 0 {
		t.Errorf("exit code %d", r.code)
	}
	var good, bad [][]byte
	for i, m := range messages {
		switch i {
		case 3, 7:
			bad = append(bad, m)
		case 1, 11: // one of them is there, and the other was merged with it
			if slices.ContainsFunc(box.Messages(), func(there gmailtest.Message) bool { return there.Raw == string(m) }) {
				good = append(good, m)
			}
		default:
			good = append(good, m)
		}
	}
	inGmail(t, box, good)
	same(t, wanted(bad...), arrived(t, a.mail("Refused")))
	for _, m := range box.Messages() {
		if !slices.Equal(m.Labels, []string{"INBOX", "UNREAD", "Imported"}) {
			t.Errorf("%q", m.Labels)
		}
	}
	t.Logf("status:\n%s", a.popsync("status", "work").out)
	written, err := os.ReadFile(trace)
	if err != nil || !strings.Contains(string(written), "Authorization: <secret>") || strings.Contains(string(written), oauthMarker) || strings.Contains(string(written), "This is line") {
		t.Errorf("the trace: %v\n%s", err, written)
	}

	a.p.End() // all logins
	a.server.AddUser(mailboxName, "none", boxOf(append(slices.Clone(messages), usual(20), usual(21)))...)
	for range 4 {
		a.popsync("run", "work")
	}
	asked := box.Calls("import")
	r = a.popsync("run", "work")
	if r.code != 75 || box.Calls("import") != asked { // a provider that is not Google is believed after an hour
		t.Errorf("exit code %d after the login ended, and %d requests\n%s%s", r.code, box.Calls("import")-asked, r.out, r.err)
	}
	login("work")
	login("work/gmail")
	a.popsyncSays(t, 0, "", "", "run", "work")
	inGmail(t, box, append(slices.Clone(good), usual(20), usual(21)))
}

// inGmail compares what is there, octet by octet.
func inGmail(t *testing.T, box *gmailtest.Server, want [][]byte) {
	t.Helper()
	var got []string
	for _, m := range box.Messages() {
		got = append(got, m.Raw)
	}
	var all []string
	for _, m := range want {
		all = append(all, string(m))
	}
	slices.Sort(got)
	slices.Sort(all)
	if !slices.Equal(got, all) {
		t.Errorf("Gmail has %d messages, want %d, or others", len(got), len(all))
	}
}

// Who logs in as somebody else is told, and no mail goes there.
func TestAcceptGmailOther(t *testing.T) {
	t.Parallel()
	a := newAgency(t, oauthtest.Options{}, boxOf([][]byte{usual(1)}))
	box := a.gmail(t, gmailtest.Options{}, "")
	a.p.Set(func(o *oauthtest.Options) { o.Email = "other@example.org" })
	s := a.sit("login", "work/gmail")
	visit(t, s.sees(loginAddress))
	s.ends(77, "it was other@example.org who logged in at the provider, and the mailbox is me@example.org; nothing was stored")
	if n := len(box.Messages()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// kill -9, again and again: nothing is lost, and what has a Message-ID is there once. The rest comes twice no more often than it was in doubt.
func TestAcceptGmailKill(t *testing.T) {
	t.Parallel()
	all, times := 24, 5
	if large() {
		all, times = 300, 60
	}
	var messages [][]byte
	for i := range all {
		m := usual(i)
		if i%4 == 0 {
			m = letter(i, "From: a@a.example\r\n")
		}
		messages = append(messages, m)
	}
	a := newAgency(t, oauthtest.Options{}, boxOf(messages))
	fmt.Fprintf(&a.conf, "delete = \"after-delivery\"\n")
	text := a.conf.String()
	a.conf.Reset()
	a.conf.WriteString(strings.Replace(strings.Replace(text, "\ndelete = \"after-delivery\"\n", "\n", 1), "alarm = false\n", "alarm = false\ndelete = \"after-delivery\"\n", 1))
	box := a.gmail(t, gmailtest.Options{}, "")
	for _, who := range []string{"work", "work/gmail"} {
		s := a.sit("login", who)
		visit(t, s.sees(loginAddress))
		s.ends(0)
	}
	r := rand.New(rand.NewPCG(51, 52))
	kills := 0
	for range times {
		next := len(box.Messages()) + 1 + r.IntN(2*all/(times+2)+1)
		cmd := a.command("run", "work")
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
				if len(box.Messages()) >= next {
					time.Sleep(time.Duration(r.IntN(4000)) * time.Microsecond)
					_ = cmd.Process.Kill()
					<-done
					kills, running = kills+1, false
				}
			}
		}
	}
	a.popsync("run")
	a.exec(`UPDATE delivery SET next_try = 0`) // one that three kills interrupted waits for a day
	a.run(0)
	a.run(0)
	count := map[string]int{}
	for _, m := range box.Messages() {
		count[m.Raw]++
	}
	lost, twice, named := 0, 0, 0
	for i, m := range messages {
		n := count[string(m)]
		if n == 0 {
			lost++
		}
		twice += max(0, n-1)
		if i%4 != 0 {
			named += max(0, n-1)
		}
	}
	t.Logf("%d kills: %d lost, %d twice with a Message-ID, %d without", kills, lost, named, twice-named)
	if lost > 0 || named > 0 || twice > 2*kills || len(count) != all || kills == 0 {
		t.Errorf("%d messages are there", len(count))
	}
	same(t, wanted(messages...), arrived(t, a.mail("Mail")))
	if n := len(a.server.Messages(mailboxName)); n != 0 {
		t.Errorf("%d left on the server", n)
	}
}
