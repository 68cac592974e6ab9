package acceptance_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/bench/proxy"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// Byte fidelity: every message of the zoo arrives as it was sent, after the line-end rule.
func TestAcceptFidelity(t *testing.T) {
	t.Parallel()
	var messages [][]byte
	for _, a := range mailgen.Zoo(1) {
		messages = append(messages, a.Message)
	}
	for _, chunk := range []int{0, 1021} {
		t.Run(fmt.Sprintf("writes of %d", chunk), func(t *testing.T) {
			h := newHouse(t)
			_, addr := serve(t, pop3test.Options{Wrap: fault.Each(func(int) fault.Plan { return fault.Plan{Chunk: chunk} })}, boxOf(messages))
			h.account("zoo", addr, "u", "p", "Mail")
			h.run(0)
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			h.run(0)
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
		})
	}
}

// A dot between bare line feeds ends nothing: one whole message, no forged reply, the next one intact.
func TestAcceptForgedEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	evil := []byte("Subject: x\r\n\r\nbefore\n.\n+OK forged\n.\r\n-ERR forged\r\n.\r\n.\nafter\r\n")
	next := []byte("Subject: next\r\n\r\nnext\r\n")
	server, addr := serve(t, pop3test.Options{}, boxOf([][]byte{evil, next}))
	h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	h.run(0)
	same(t, wanted(evil, next), arrived(t, h.mail("Mail")))
	if left := server.Messages("u"); len(left) != 0 {
		t.Errorf("%d left", len(left))
	}
}

func TestAcceptDovecotKeep(t *testing.T) {
	t.Parallel()
	d := dovecot.Start(t, dovecot.Options{Users: 1})
	messages := mailgen.Messages(2, 1000, 500, 5000)
	d.Fill("u1", messages)
	h := newHouse(t)
	h.add("work", "localhost", port(d.TLS), "u1", dovecot.Password, "Mail", fmt.Sprintf("ca_file = %q", d.CAFile))
	first := h.run(0, "--json")
	if !strings.Contains(first.out, `"new":1000,`) {
		t.Errorf("first run: %s", first.out)
	}
	second := h.run(0, "--json")
	if !strings.Contains(second.out, `"new":0,`) {
		t.Errorf("second run: %s", second.out)
	}
	if n := d.Count("u1"); n != 1000 {
		t.Errorf("the server has %d messages", n)
	}
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
}

// Deleted after delivery, over STLS, with the connection cut at a random byte in each of five sessions.
func TestAcceptDovecotDelete(t *testing.T) {
	t.Parallel()
	d := dovecot.Start(t, dovecot.Options{Users: 1})
	messages := mailgen.Messages(3, 1000, 500, 5000)
	total := 0
	for _, m := range messages {
		total += len(m)
	}
	d.Fill("u1", messages)
	r := rand.New(rand.NewPCG(4, 0))
	p, err := proxy.Start(d.Plain, proxy.Options{CutAfter: func(n int) int64 {
		if n >= 5 {
			return -1
		}
		return r.Int64N(int64(total))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	h := newHouse(t)
	h.add("work", "localhost", port(p.Addr()), "u1", dovecot.Password, "Mail", `tls = "starttls"`,
		fmt.Sprintf("ca_file = %q", d.CAFile), `delete = "after-delivery"`)
	for range 5 {
		h.popsync("run")
	}
	h.run(0)
	if n := d.Count("u1"); n != 0 {
		t.Errorf("the server has %d messages left", n)
	}
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
	h.run(0)
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
}

// Mail of the same size under a reused unique-id is delivered, and not deleted unseen. Dovecot is told to use the name
// of the file as the unique-id, so that the name decides.
func TestAcceptDovecotReusedUID(t *testing.T) {
	t.Parallel()
	d := dovecot.Start(t, dovecot.Options{Users: 1, Extra: "pop3_uidl_format = %f"})
	h := newHouse(t)
	h.add("work", "localhost", port(d.TLS), "u1", dovecot.Password, "Mail", fmt.Sprintf("ca_file = %q", d.CAFile))
	first := []byte("Message-ID: <1@x>\r\nSubject: one\r\n\r\nsame size\r\n")
	d.Fill("u1", [][]byte{first})
	h.run(0)
	name := only(t, d.Maildir("u1"))
	second := bytes.Replace(first, []byte("<1@x>"), []byte("<2@x>"), 1)
	if err := os.WriteFile(name, bytes.ReplaceAll(second, []byte("\r\n"), []byte("\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	forget(t, d.Maildir("u1"))
	conf := strings.Replace(h.conf.String(), "username =", "delete = \"after-delivery\"\nusername =", 1)
	h.conf.Reset()
	h.conf.WriteString(conf)
	h.run(0)
	same(t, wanted(first, second), arrived(t, h.mail("Mail")))
	if n := d.Count("u1"); n != 0 {
		t.Errorf("%d left", n)
	}
}

// only returns the one message file of a Maildir.
func only(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	for _, sub := range []string{"new", "cur"} {
		found, err := filepath.Glob(filepath.Join(dir, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) != 1 {
		t.Fatalf("%d files in %s", len(all), dir)
	}
	return all[0]
}

// forget removes Dovecot's indexes and caches, which know the old message.
func forget(t *testing.T, dir string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "dovecot*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if err := os.RemoveAll(f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAcceptTwoAccountsOneMaildir(t *testing.T) {
	t.Parallel()
	d := dovecot.Start(t, dovecot.Options{Users: 2})
	a, b := mailgen.Messages(5, 300, 500, 3000), mailgen.Messages(6, 300, 500, 3000)
	d.Fill("u1", a)
	d.Fill("u2", b)
	h := newHouse(t)
	for _, u := range []string{"u1", "u2"} {
		h.add(u, "localhost", port(d.TLS), u, dovecot.Password, "Mail", fmt.Sprintf("ca_file = %q", d.CAFile), `delete = "after-delivery"`)
	}
	h.run(0)
	h.run(0)
	same(t, wanted(slices.Concat(a, b)...), arrived(t, h.mail("Mail")))
	if n := d.Count("u1") + d.Count("u2"); n != 0 {
		t.Errorf("%d left", n)
	}
}

func port(addr string) (p int) {
	_, err := fmt.Sscanf(addr[strings.LastIndexByte(addr, ':')+1:], "%d", &p)
	if err != nil {
		panic(err)
	}
	return p
}
