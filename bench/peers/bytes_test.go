//go:build peers

package peers

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Each message of the zoo alone in a mailbox, fetched and deleted: does the file hold the same octets, with CRLF as LF?
func TestPeersBytes(t *testing.T) {
	found := installed(t)
	dir := base(t)
	zoo := mailgen.Zoo(1)
	fmt.Printf("\n%d nasty messages, each alone in its mailbox, fetched and deleted:\n\n", len(zoo))
	fmt.Println("| program | the same octets | the same below lines added on top | changed | in pieces | lost | left on the server |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|")
	for _, p := range found {
		p.place(t, dir)
		var same, below int
		var changed, pieces, lost, left []string
		for _, a := range zoo {
			h := newHome(t, dir)
			server, port := serve(t, pop3test.Options{}, []pop3test.Message{{UID: "the-one", Data: a.Message}})
			h.run(p, p.setup(h, port, false), 20*time.Second)
			files := h.files()
			switch remains := len(server.Messages(user)) > 0; {
			case len(files) == 1 && bytes.Equal(files[0], mailgen.Stored(a.Message)):
				same++
			case len(files) == 1 && len(a.Message) > 0 && bytes.HasSuffix(files[0], mailgen.Stored(a.Message)):
				below++
			case len(files) == 1:
				changed = append(changed, a.Name)
			case len(files) > 1:
				pieces = append(pieces, a.Name)
			case remains:
				left = append(left, a.Name)
			default:
				lost = append(lost, a.Name)
			}
			server.Close()
			h.remove()
		}
		fmt.Printf("| %s | %d | %d | %d | %d | %d | %d |\n", p.name, same, below, len(changed), len(pieces), len(lost), len(left))
		for what, names := range map[string][]string{"changed": changed, "in pieces": pieces, "lost": lost, "left": left} {
			if len(names) > 0 {
				t.Logf("%s: %s: %s", p.name, what, strings.Join(names, "; "))
			}
		}
		if p.name == "popsync" && same != len(zoo) {
			t.Errorf("popsync: %d of %d", same, len(zoo))
		}
	}
}

// A mail whose author put a dot between bare line feeds and replies after it, and an innocent one after it.
func TestPeersForgedEnd(t *testing.T) {
	found := installed(t)
	dir := base(t)
	for _, tt := range []struct{ name, evil string }{
		{"LF . LF", "Subject: x\r\n\r\nbefore\n.\n+OK forged\r\nSubject: forged\r\n\r\nforged\r\n.\nafter\r\n"},
		{"LF . CRLF", "Subject: x\r\n\r\nbefore\n.\r\n+OK forged\r\nSubject: forged\r\n\r\nforged\n.\r\nafter\r\n"},
	} {
		next := "Subject: next\r\n\r\nthe innocent one\r\n"
		fmt.Printf("\nA forged end of message, %s, fetched and deleted, one run:\n\n", tt.name)
		fmt.Println("| program | the evil mail | the innocent one | mail that nobody sent | left on the server | exit |")
		fmt.Println("|---|---|---|---:|---|---|")
		for _, p := range found {
			p.place(t, dir)
			h := newHome(t, dir)
			server, port := serve(t, pop3test.Options{}, []pop3test.Message{
				{UID: "the-evil-one", Data: []byte(tt.evil)}, {UID: "the-innocent-one", Data: []byte(next)}})
			o := h.run(p, p.setup(h, port, false), 40*time.Second)
			files := h.files()
			evil, innocent, forged := "missing", "missing", 0
			for _, f := range files {
				switch {
				case bytes.Equal(f, mailgen.Stored([]byte(tt.evil))):
					evil = "whole"
				case bytes.Equal(f, mailgen.Stored([]byte(next))):
					innocent = "whole"
				case bytes.Contains(f, []byte("before")) && bytes.Contains(f, []byte("after")):
					evil = "changed"
				case bytes.Contains(f, []byte("before")):
					evil = "cut"
				case bytes.Contains(f, []byte("innocent")):
					innocent = "changed"
				default:
					forged++
				}
			}
			left := ""
			for _, m := range server.Messages(user) {
				left = strings.TrimPrefix(left+", "+m.UID, ", ")
			}
			exit := fmt.Sprint(o.code)
			if o.hung {
				exit = "hung"
			}
			fmt.Printf("| %s | %s | %s | %d | %s | %s |\n", p.name, evil, innocent, forged, left, exit)
			t.Logf("%s: %s", p.name, o)
			if p.name == "popsync" && (evil != "whole" || innocent != "whole" || forged > 0 || left != "") {
				t.Errorf("popsync: %s, %s, %d, %s", evil, innocent, forged, left)
			}
			server.Close()
			h.remove()
		}
	}
}

// Every program can fetch at all as it is set up here: without this the tables would say nothing.
func TestPeersPlain(t *testing.T) {
	dir := base(t)
	for _, p := range installed(t) {
		p.place(t, dir)
		for _, keep := range []bool{true, false} {
			h := newHome(t, dir)
			plain := "From: a@example.org\r\nSubject: plain\r\n\r\nplain text\r\n"
			server, port := serve(t, pop3test.Options{}, []pop3test.Message{{UID: "1", Data: []byte(plain)}, {UID: "2", Data: letter(2)}})
			args := p.setup(h, port, keep)
			first := h.run(p, args, 20*time.Second)
			second := h.run(p, args, 20*time.Second)
			files := h.files()
			left := len(server.Messages(user))
			if !first.fine(p) || !second.fine(p) || len(files) != 2 || (left == 2) != keep {
				t.Errorf("%s, keep %v: %d files, %d left; first: %s; second: %s", p.name, keep, len(files), left, first, second)
			}
			if !slices.ContainsFunc(files, func(f []byte) bool { return bytes.Equal(f, mailgen.Stored([]byte(plain))) }) {
				t.Logf("%s changes plain mail", p.name)
			}
			server.Close()
			h.remove()
		}
	}
}
