package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver/delivertest/postfix"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// The tests named TestAcceptRemote deliver to real servers: Postfix by SMTP, Dovecot by LMTP.

// work adds the account "work" of user "u", with the destinations that are given as TOML. Its home is the house.
func (h *house) work(addr *net.TCPAddr, destinations string, more ...string) {
	h.t.Helper()
	if err := os.MkdirAll(h.mail("Mail"), 0o700); err != nil {
		h.t.Fatal(err)
	}
	h.env = append(h.env, "HOME="+h.dir)
	fmt.Fprintf(&h.conf, "\n[account.work]\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nusername = \"u\"\npassword = \"p\"\nalarm = false\n%s\n\n%s\n",
		addr.Port, strings.Join(more, "\n"), destinations)
}

// replace puts the second of each pair in place of the first, which must be there.
func replace(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for pair := range slices.Chunk(pairs, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("no %q in\n%s", pair[0], text)
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// relayed is what must be stored where mail came by SMTP or LMTP: every line ends in LF, whatever ended it before.
func relayed(messages ...[]byte) sums {
	s := sums{}
	for _, m := range messages {
		s[sha256.Sum256(bytes.ReplaceAll(mailgen.Stored(m), []byte("\r"), []byte("\n")))]++
	}
	return s
}

// untraced counts stored messages without the lines on top that servers add, up to and with popsync's own.
func untraced(t testing.TB, stored [][]byte) sums {
	t.Helper()
	s := sums{}
	for _, m := range stored {
		s[sha256.Sum256(untrace(t, m))]++
	}
	return s
}

func untrace(t testing.TB, stored []byte) []byte {
	t.Helper()
	for rest := stored; ; {
		name, _, ok := bytes.Cut(rest, []byte(":"))
		end := bytes.IndexByte(rest, '\n') + 1
		if !ok || end == 0 || !slices.Contains([]string{"Return-Path", "Delivered-To", "X-Original-To", "Received"}, string(name)) {
			t.Errorf("before popsync's line stands a field that no server adds: %.900q", stored)
			return stored
		}
		for end < len(rest) && (rest[end] == ' ' || rest[end] == '\t') { // folded
			end += bytes.IndexByte(rest[end:], '\n') + 1
		}
		field := rest[:end]
		rest = rest[end:]
		if bytes.Contains(field, []byte("popsync")) && bytes.Contains(field, []byte("account work")) {
			return rest
		}
	}
}

// legal is mail that servers must take, with all that its body may have in it: the zoo's messages with a proper header,
// and ordinary ones up to n.
func legal(n int) (all [][]byte) {
	for _, a := range mailgen.Zoo(11) {
		if bytes.HasPrefix(a.Message, []byte("From: zoo@example.org\r\nSubject: ")) || strings.HasPrefix(a.Name, "lines of ") {
			all = append(all, a.Message)
		}
	}
	ordinary := mailgen.Messages(12, n-len(all), 300, 9000)
	for i, m := range ordinary {
		ordinary[i] = append(m, strangeEnds[i%len(strangeEnds)]...)
	}
	return append(all, ordinary...)
}

var strangeEnds = []string{"", ".", ".\r\n", "..\r\n.\r\n", "\r\n.", "\nFrom here\n", "From there\r\n", "\x00\r\n", "\r\r\n", "\n\r", "\xff\xfe", "\r\n\r\n"}

// many is how many messages the promises name, or a tenth of them.
func many() int {
	if large() {
		return 2000
	}
	return 200
}

// maildirMessages is what a Maildir has, as stored.
func maildirMessages(t testing.TB, dir string) (all [][]byte) {
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
		all = append(all, b)
	}
	return all
}

// All of it arrives as it was, once, and leaves the server.
func TestAcceptRemoteFidelity(t *testing.T) {
	t.Parallel()
	messages := legal(many())
	for _, connections := range []int{1, 4} {
		t.Run(fmt.Sprintf("Postfix, %d connections", connections), func(t *testing.T) {
			server := postfix.Start(t, postfix.Options{Users: []string{"me"}})
			text := replace(t, recipe(t, "Postfix on this machine"), "localhost:25", server.Addr,
				"connections = 4", fmt.Sprintf("connections = %d", connections))
			arrivesOnce(t, messages, text, func() [][]byte { return server.Messages("me") })
		})
		t.Run(fmt.Sprintf("Dovecot, %d connections", connections), func(t *testing.T) {
			server := dovecot.Start(t, dovecot.Options{LMTP: true})
			server.AddUser("me")
			text := replace(t, recipe(t, "Dovecot, by LMTP over a unix socket"), "/run/dovecot/lmtp", server.LMTP)
			text += fmt.Sprintf("connections = %d\n", connections)
			arrivesOnce(t, messages, text, func() [][]byte { return maildirMessages(t, server.Maildir("me")) })
		})
	}
}

func arrivesOnce(t *testing.T, messages [][]byte, destination string, stored func() [][]byte) {
	t.Helper()
	h := newHouse(t)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h.work(addr, destination, `delete = "after-delivery"`)
	h.run(0)
	same(t, relayed(messages...), untraced(t, stored()))
	if left := len(server.Messages("u")); left != 0 {
		t.Errorf("%d left on the server", left)
	}
	h.run(0)
	if got := len(stored()); got != len(messages) {
		t.Errorf("%d there after another run", got)
	}
	h.nothingWaits()
}

// nothingWaits: neither a row nor a file is left of what was delivered.
func (h *house) nothingWaits() {
	h.t.Helper()
	if n := h.number(`SELECT count(*) FROM delivery`); n != 0 {
		h.t.Errorf("%d deliveries are not settled", n)
	}
	_ = filepath.WalkDir(filepath.Join(h.state(), "spool"), func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Ext(path) != ".look" { // where a mailbox is looked from: it stays
			if st, err := e.Info(); err == nil && st.Size() > 100 { // smaller: the place's identity
				h.t.Errorf("%s is left, %d octets", path, st.Size())
			}
		}
		return nil
	})
}

// How fast it is; nothing is asserted but that all arrived once.
func TestAcceptRemoteSpeed(t *testing.T) {
	messages := mailgen.Messages(13, many(), 1000, 4000)
	for _, connections := range []int{1, 4} {
		server := postfix.Start(t, postfix.Options{Users: []string{"me"}})
		h := newHouse(t)
		_, addr := serve(t, pop3test.Options{}, boxOf(messages))
		h.work(addr, replace(t, recipe(t, "Postfix on this machine"), "localhost:25", server.Addr,
			"connections = 4", fmt.Sprintf("connections = %d", connections)))
		start := time.Now()
		h.run(0)
		took := time.Since(start)
		t.Logf("Postfix, %d connections: %d messages in %v, %.0f a second", connections, len(messages), took.Round(time.Millisecond),
			float64(len(messages))/took.Seconds())
		same(t, relayed(messages...), untraced(t, server.Messages("me")))
	}
}
