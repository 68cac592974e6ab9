package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// maildir gives what a folder of a Maildir has, with CRLF.
func maildir(t testing.TB, dir string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[nc][eu][wr]", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, crlf(string(b)))
	}
	return all
}

// crlf is what a server makes of line ends.
func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

// alikeStored compares without CRs: a Maildir has lines that end in LF, so that nobody can tell which CRs were there.
func alikeStored(a, b string) bool {
	return strings.ReplaceAll(a, "\r", "") == strings.ReplaceAll(b, "\r", "")
}

// onServer is a world on a real server, in a folder of its own.
func onServer(t testing.TB, addr, user, password string) *world {
	w := &world{TB: t, addr: addr, copies: filepath.Join(t.TempDir(), "copies")}
	w.set = func(o *Options) {
		o.Username, o.Password = user, func(context.Context) (string, error) { return password, nil }
		o.Create = true
	}
	return w
}

// in chooses a folder, and a connection that breaks.
func (w *world) in(folder string, cut func(o *Options)) {
	base := w.set
	w.copies = filepath.Join(filepath.Dir(w.copies), folder)
	w.set = func(o *Options) {
		base(o)
		o.Folder = folder
		if cut != nil {
			cut(o)
		}
	}
}

func startDovecot(t *testing.T) (*dovecot.Server, *world) {
	s := dovecot.Start(t, dovecot.Options{IMAP: true, Users: 1})
	return s, onServer(t, s.IMAP, "u1", dovecot.Password)
}

func TestDovecotCut(t *testing.T) {
	t.Parallel()
	s, w := startDovecot(t)
	base := w.set
	text := ordinary(1)
	whole := len(text) + len(`p5 APPEND "c000" "28-Nov-2026 09:00:01 +0000" {999+}`) + 4
	for i, n := range octets(whole) {
		w.set = base
		folder := fmt.Sprintf("c%d", i)
		w.in(folder, cutting(n, max(0, n-len(text)-60), i%2 == 0))
		sender := w.open(false)
		err := w.send(sender, "one", text, false)
		if i%3 == 0 {
			sender.Close()
			sender = w.open(true)
		}
		for try := 0; err != nil && try < 3; try++ {
			err = w.send(sender, "one", text, true)
		}
		w.must(err)
		sender.Close()
		if got := maildir(t, filepath.Join(s.Maildir("u1"), "."+folder)); len(got) != 1 || got[0] != text {
			t.Errorf("cut at %d of %d: %q", n, whole, got)
		}
	}
}

// A window of several messages is cut at an octet: one copy of each.
func TestDovecotWindowCut(t *testing.T) {
	t.Parallel()
	s, w := startDovecot(t)
	base := w.set
	texts := several(1, 4)
	for i, n := range windowed(octetsOf(texts), 97) {
		w.set = base
		folder := fmt.Sprintf("w%d", i)
		w.in(folder, tearing(i, n))
		sender := w.open(false)
		w.must(w.send(sender, "first", ordinary(0), false))
		w.through(sender, texts, ending(i%3))
		got := maildir(t, filepath.Join(s.Maildir("u1"), "."+folder))
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(append(texts[:4:4], ordinary(0)))); !slices.Equal(got, want) {
			t.Errorf("cut at %d: %q", n, got)
		}
	}
}

// Odd mail arrives as it is, and is found again after a doubt.
func TestDovecotOddMail(t *testing.T) {
	t.Parallel()
	s, w := startDovecot(t)
	base := w.set
	found, refused := 0, 0
	zoo := mailgen.Zoo(11)
	for i, a := range zoo {
		if i%4 != 0 && os.Getenv("POPSYNC_LARGE") == "" {
			continue
		}
		text := string(mailgen.Wire(a.Message))
		w.set = base
		folder := fmt.Sprintf("z%d", i)
		w.in(folder, losing(text))
		sender := w.open(false)
		err := w.send(sender, "one", text, false)
		sender.Close()
		dir := filepath.Join(s.Maildir("u1"), "."+folder)
		if strings.Contains(text, "\x00") || text == "" {
			if e := w.fault(err); !e.Permanent || len(maildir(t, dir)) > 0 {
				t.Errorf("%s: %v", a.Name, err)
			}
			refused++
			continue
		}
		if e := w.fault(err); !e.Uncertain {
			t.Fatalf("%s: %v", a.Name, err)
		}
		w.set = base
		w.in(folder, nil)
		sender = w.open(true)
		if err := w.send(sender, "one", text, true); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
		sender.Close()
		if got := maildir(t, dir); len(got) != 1 || !alikeStored(got[0], text) {
			t.Errorf("%s: %d copies, want one of %.200q: %.300q", a.Name, len(got), text, got)
			continue
		}
		found++
	}
	t.Logf("%d odd messages: %d found after a doubt, %d refused", len(zoo), found, refused)
}

// losing loses the answer to a message, once the server has all of it.
func losing(text string) func(o *Options) {
	return func(o *Options) {
		dial := new(net.Dialer).DialContext
		var once sync.Once
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err == nil {
				once.Do(func() { conn = &deaf{Conn: conn, left: len(text)} })
			}
			return conn, err
		}
	}
}

// deaf is a connection on which nothing is heard any more once a message was sent.
type deaf struct {
	net.Conn
	begun bool
	left  int
}

func (c *deaf) Write(p []byte) (int, error) {
	if i := bytes.Index(p, []byte(" APPEND ")); !c.begun && i >= 0 {
		c.begun = true
		c.left += bytes.IndexByte(p[i:], '\n') + 1 + 2 // the line end that ends the command
		c.left += i
	}
	if c.begun {
		c.left -= len(p)
	}
	return c.Conn.Write(p)
}

func (c *deaf) Read(p []byte) (int, error) {
	if c.begun && c.left <= 0 {
		if _, err := c.Conn.Read(make([]byte, 4096)); err != nil { // the answer: it is there
			return 0, err
		}
		return 0, errors.New("lost")
	}
	return c.Conn.Read(p)
}

func TestDovecotLook(t *testing.T) {
	t.Parallel()
	s, w := startDovecot(t)
	for name, set := range map[string]func(o *Options){
		"TLS":      func(o *Options) { o.TLS, o.Address = ImplicitTLS, s.IMAPS },
		"STARTTLS": func(o *Options) { o.TLS = StartTLS },
	} {
		base := w.set
		w.set = func(o *Options) {
			base(o)
			set(o)
			o.TLSConfig = &tls.Config{RootCAs: s.CA}
			o.Folder = "Größe/Über & mehr"
		}
		sender := w.open(false)
		saw, err := sender.Look(t.Context())
		if err != nil || saw.TLS == nil || !saw.LoggedIn || !saw.Missing || !strings.Contains(saw.Alters, "Dovecot") || saw.Folder != "Gr&APYA3w-e.&ANw-ber &- mehr" {
			t.Errorf("%s: %+v, %v", name, saw, err)
		}
		w.set = base
	}
	base := w.set
	w.set = func(o *Options) {
		base(o)
		o.Password = func(context.Context) (string, error) { return "wrong secret", nil }
	}
	e := w.fault(w.open(false).Check(t.Context(), ""))
	if !e.Login || !e.Permanent || strings.Contains(e.Error(), "wrong secret") {
		t.Errorf("a wrong password: %+v", e)
	}
	w.set = func(o *Options) { base(o); o.Folder, o.Create = "nowhere", false }
	if e := w.fault(w.open(false).Check(t.Context(), "")); !e.Permanent || !strings.Contains(e.Hint, "create") {
		t.Errorf("a folder that is missing: %+v", e)
	}
}

func TestDovecotQuota(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t, dovecot.Options{IMAP: true, Users: 1, Extra: `
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=100K
}
`})
	w := onServer(t, s.IMAP, "u1", dovecot.Password)
	sender := w.open(false)
	big := ordinary(1) + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 1200)
	w.must(w.send(sender, "one", big, false))
	if e := w.fault(w.send(sender, "two", big, false)); !e.Full || e.Permanent || e.Uncertain {
		t.Errorf("over quota: %+v", e)
	}
	w.must(w.send(sender, "three", ordinary(3), false))
	saw, err := sender.Look(t.Context())
	if err != nil || saw.QuotaSize != 100<<10 || saw.Used < 80<<10 {
		t.Errorf("%+v, %v", saw, err)
	}
}

// Memory does not grow with the size of a message, also when it is looked for.
func TestDovecotLarge(t *testing.T) {
	size := 8 << 20
	if os.Getenv("POPSYNC_LARGE") != "" {
		size = 100 << 20
	}
	s, w := startDovecot(t)
	text := ordinary(1) + string(bytes.Repeat([]byte(strings.Repeat("y", 70)+"\r\n"), size/72))
	base := w.set
	w.set = func(o *Options) { base(o); o.Folder = "INBOX"; losing(text)(o) }
	sender := w.open(false)
	peak := watchHeap(func() {
		if e := w.fault(w.send(sender, "one", text, false)); !e.Uncertain {
			t.Error(e)
		}
		w.must(w.send(sender, "one", text, true))
	})
	if peak > 4<<20 {
		t.Errorf("the heap grew by %d octets", peak)
	}
	if got := maildir(t, s.Maildir("u1")); len(got) != 1 || got[0] != text {
		t.Errorf("%d copies", len(got))
	}
	w.must(w.send(sender, "small", ordinary(2), false)) // which proves that looking works
	many := []string{ordinary(3), strings.Replace(text, "<1@", "<4@", 1), ordinary(5)}
	peak = watchHeap(func() {
		for i, err := range w.batch(sender, many, false) {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
	if peak > 4<<20 {
		t.Errorf("in a window the heap grew by %d octets", peak)
	}
	if got := maildir(t, s.Maildir("u1")); len(got) != 5 {
		t.Errorf("%d messages", len(got))
	}
}
