package transcript

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/foreign"
)

const user, password = "me", "Xk7-do-not-print"

var plain = base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))

// memory is a file in memory.
type memory struct{ bytes.Buffer }

func (*memory) Close() error { return nil }

// stamp is what is at the beginning of each line and differs from run to run.
var stamp = regexp.MustCompile(`(?m)^\S+Z `)

// play writes what both sides say, one line each: "C: ", "S: " or, of a line that was cut, "s: ". A line "hide" tells the secret.
func play(p Protocol, dialogue string) string {
	var m memory
	c := New(&m).Of("work", p, "").Connect("h:1", nil)
	for line := range strings.Lines(dialogue) {
		side, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch side {
		case "C:": // in whatever pieces
			c.Sent([]byte(text[:len(text)/2]))
			c.Sent([]byte(text[len(text)/2:] + "\r\n"))
		case "S:", "s:":
			c.Received([]byte(text), side == "s:")
		case "literal":
			c.ReceivedBody(9, true)
		case "hide":
			c.Hide(foreign.NewSecrets(user, password))
		}
	}
	return strings.ReplaceAll(stamp.ReplaceAllString(m.String(), ""), "work #1 ", "")
}

func TestDialogues(t *testing.T) {
	for name, tt := range map[string]struct {
		p         Protocol
		say, want string
	}{
		"USER and PASS": {POP3, "S: +OK hello\nC: USER me\nS: +OK\nhide\nC: PASS " + password + "\nS: +OK 3 messages\nC: STAT\nS: +OK 3 99",
			"S: +OK hello\nC: USER me\nS: +OK\nC: PASS <secret>\nS: +OK 3 messages\nC: STAT\nS: +OK 3 99"},
		"lower case":                {POP3, "C: pass " + password + "\nC: auth plain " + plain + "\nC: x", "C: PASS <secret>\nC: AUTH plain <secret>\nC: <secret>"},
		"refused, in its own words": {POP3, "hide\nC: PASS " + password + "\nS: -ERR [AUTH] no such password: " + password, "C: PASS <secret>\nS: -ERR [AUTH] no such password: (secret)"},
		"the secret is not known":   {POP3, "C: PASS x\nS: -ERR [AUTH] x is wrong\nC: QUIT\nS: +OK bye", "C: PASS <secret>\nS: -ERR [AUTH] <withheld>\nC: QUIT\nS: +OK bye"},
		"a secret as a code":        {POP3, "C: PASS x\nS: -ERR [x] no", "C: PASS <secret>\nS: -ERR <withheld>"},
		"APOP":                      {POP3, "C: APOP me 0123456789abcdef\nS: +OK", "C: APOP <secret>\nS: +OK"},
		"initial response":          {POP3, "hide\nC: AUTH PLAIN " + plain + "\nS: +OK\nC: STAT", "C: AUTH PLAIN <secret>\nS: +OK\nC: STAT"},
		"two steps":                 {POP3, "hide\nC: AUTH XOAUTH2\nS: + \nC: " + plain + "\nS: + eyJzdGF0dXMi\nC: \nS: -ERR no\nC: QUIT", "C: AUTH XOAUTH2\nS: + <secret>\nC: <secret>\nS: + <secret>\nC: <secret>\nS: -ERR no\nC: QUIT"},
		"garbage in a login":        {POP3, "hide\nC: AUTH PLAIN " + plain + "\nS: " + plain + "\nC: QUIT", "C: AUTH PLAIN <secret>\nS: <secret>\nC: <secret>"},
		"a list of mechanisms":      {POP3, "C: AUTH\nS: +OK\nS: PLAIN\nS: .", "C: AUTH\nS: +OK\nS: PLAIN\nS: ."},
		"cut within the secret":     {POP3, "hide\nC: PASS " + password + "\ns: -ERR no " + password[:9], "C: PASS <secret>\nS: -ERR no (secret)"},
		"later":                     {POP3, "hide\nC: PASS x\nS: +OK\nC: DELE 1\nS: -ERR " + password, "C: PASS <secret>\nS: +OK\nC: DELE 1\nS: -ERR (secret)"},
		"control octets":            {POP3, "S: +OK \x1b[2J", `S: +OK \x1b[2J`},
		"SMTP, PLAIN":               {SMTP, "C: EHLO me\nS: 250-h\nS: 250 AUTH PLAIN\nhide\nC: AUTH PLAIN " + plain + "\nS: 235 fine\nC: MAIL FROM:<a@b>", "C: EHLO me\nS: 250-h\nS: 250 AUTH PLAIN\nC: AUTH PLAIN <secret>\nS: 235 fine\nC: MAIL FROM:<a@b>"},
		"SMTP, LOGIN":               {SMTP, "hide\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: bWU=\nS: 334 x\nC: " + plain + "\nS: 535-5.7.8 " + plain + "\nS: 535 no\nC: QUIT", "C: AUTH LOGIN\nS: 334 <secret>\nC: <secret>\nS: 334 <secret>\nC: <secret>\nS: 535-5.7.8 (secret)\nS: 535 no\nC: QUIT"},
		"SMTP, lines unknown":       {SMTP, "C: AUTH LOGIN x\nS: 535-x\nS: 535-y\nS: 535 z\nS: 250 ok", "C: AUTH LOGIN <secret>\nS: 535 <withheld>\nS: 535 <withheld>\nS: 535 <withheld>\nS: 250 ok"},
		"IMAP, LOGIN":               {IMAP, "S: * OK hello\nC: p1 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: p1 OK\nhide\nC: p2 LOGIN \"me\" \"" + password + "\"\nS: p2 OK [CAPABILITY x] in\nC: p3 NOOP", "S: * OK hello\nC: p1 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: p1 OK\nC: p2 LOGIN <secret>\nS: p2 OK [CAPABILITY x] in\nC: p3 NOOP"},
		"IMAP, LOGIN in literals":   {IMAP, "hide\nC: p2 login {2}\nS: + go on\nC: me {16}\nS: + " + password + "\nC: " + password + "\nS: p2 NO [AUTHENTICATIONFAILED] not " + password, "C: p2 LOGIN <secret>\nS: + <secret>\nC: <secret>\nS: + <secret>\nC: <secret>\nS: p2 NO [AUTHENTICATIONFAILED] not (secret)"},
		"IMAP, AUTHENTICATE":        {IMAP, "hide\nC: p2 AUTHENTICATE XOAUTH2\nS: +\nC: " + plain + "\nS: + eyJz\nC: \nS: * CAPABILITY a\nS: * 3 EXISTS\nS: p2 NO no\nC: p3 LOGOUT", "C: p2 AUTHENTICATE XOAUTH2\nS: + <secret>\nC: <secret>\nS: + <secret>\nC: <secret>\nS: * CAPABILITY a\nS: * <secret>\nS: p2 NO no\nC: p3 LOGOUT"},
		"IMAP, initial response":    {IMAP, "hide\nC: p2 AUTHENTICATE PLAIN " + plain + "\nS: p2 OK " + plain, "C: p2 AUTHENTICATE PLAIN <secret>\nS: p2 OK (secret)"},
		"HTTP": {HTTP, "C: PUT https://h/up?a=b&upload_id=" + password + "&c=d HTTP/1.1\nC: authorization: Bearer " + password + "\nS: HTTP/1.1 308\nS: Location: https://h/?upload_id=" + password + "\nS: {\"error\": 1}\nhide\nS: not " + password,
			"C: PUT https://h/up?a=b&upload_id=<secret>&c=d HTTP/1.1\nC: authorization: <secret>\nS: HTTP/1.1 308\nS: Location: <secret>\nS: {\"error\": 1}\nS: not (secret)"},
		"IMAP, not known":   {IMAP, "C: p2 LOGIN x y\nS: * BYE y\nS: p2 NO [ALERT] y\nS: * y", "C: p2 LOGIN <secret>\nS: * BYE <withheld>\nS: p2 NO [ALERT] <withheld>\nS: * y"},
		"IMAP, not the end": {IMAP, "C: p2 LOGIN x y\nS: p1 OK y\nS: y\nS: p2 y\nS: * X {9}\nliteral\nS: p2 OK y\nC: y\nS: p2 OK", "C: p2 LOGIN <secret>\nS: <secret>\nS: <secret>\nS: p2 <secret>\nS: * <secret>\nS: <9 octets>\nS: <secret>\nC: <secret>\nS: p2 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.TrimSpace(strings.TrimPrefix(play(tt.p, tt.say), "-- connected to h:1\n")); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	var m memory
	f := New(&m)
	p := f.Of("work/2", SMTP, "through the proxy socks5://p:1")
	c := p.Connect("h:25", nil)
	c.Secured(tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256})
	c.SentBody(2048, true)
	c.ReceivedBody(7, false)
	c.Failed(errors.New("no \x1b TLS"))
	c.Closed()
	c.Closed()
	if p.Connect("h:25", errors.New("refused")) != nil {
		t.Error("a connection without one")
	}
	want := `work/2 #1 -- connected to h:25 through the proxy socks5://p:1
work/2 #1 -- TLS 1.3, TLS_AES_128_GCM_SHA256
work/2 #1 C: <2048 octets>
work/2 #1 S: <7 octets, and not to the end>
work/2 #1 -- TLS failed: no \x1b TLS
work/2 #1 -- closed
work/2 #2 -- no connection to h:25: refused
`
	if got := stamp.ReplaceAllString(m.String(), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Without a transcript nothing is done.
func TestNil(t *testing.T) {
	var f *File
	c := f.Of("work", POP3, "").Connect("h:1", nil)
	c.Sent([]byte("PASS x\r\n"))
	c.Received([]byte("+OK"), false)
	c.SentBody(1, true)
	c.ReceivedBody(1, true)
	c.Hide(nil)
	c.Secured(tls.ConnectionState{})
	c.Failed(errors.New("x"))
	c.Closed()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wire.txt")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Of("work", POP3, "").Connect("h:1", nil)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 || st.Size() == 0 {
		t.Errorf("%v, %v", st, err)
	}
	link := path + "-link"
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{path, link} {
		if _, err := Create(there); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s is there already: %v", there, err)
		}
	}
	f, err = Create(path + "2")
	if err != nil {
		t.Fatal(err)
	}
	f.w.Close()
	f.Of("work", POP3, "").Connect("h:1", nil)
	if err := f.Close(); err == nil {
		t.Error("what could not be written is no error")
	}
}

// Whatever both sides say, the secret is not shown once it was sent. A line of the fuzzer's holds it where it has the octet 'P', or
// 'B' for base64.
func FuzzDialogue(f *testing.F) {
	f.Add(true, "C: AUTH PLAIN B\nS: -ERR B\nC: PASS P\nS: -ERR [P] P\nS: P\nC: QUIT")
	f.Add(false, "C: AUTH LOGIN\nS: 334 B\nC: B\nS: 535-P\nS: 535 B\ns: 250 B\nC: RCPT TO:<P>")
	f.Add(true, "C: aUtH x\nS: +\nC: P\nS: +P\ns: + P")
	f.Add(false, "C: p1 LOGIN P P\nS: * P\nliteral\nS: p1 OK P\nC: P\nS: p1 NO P\nC: p2 AUTHENTICATE B B\nS: + P")
	f.Fuzz(func(t *testing.T, pop bool, say string) {
		p := SMTP
		switch {
		case pop:
			p = POP3
		case strings.Contains(say, "AUTHENTICATE"), strings.Contains(say, "LOGIN "):
			p = IMAP
		}
		say = strings.NewReplacer("P", password, "B", plain).Replace(say)
		if got := play(p, "hide\n"+say); strings.Contains(got, password) || strings.Contains(got, plain) {
			t.Errorf("of %q it shows %q", say, got)
		}
	})
}
