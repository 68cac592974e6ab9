package mbox

import (
	"bytes"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestFile(t *testing.T) {
	w := newWorld(t)
	w.set = func(o *Options) { o.Trace = true }
	s := w.open(false)
	m := w.outgoing("id1", "Return-Path: <me@a.example>\r\nSubject: x\r\n\r\nFrom here\r\n>From there\r\n >From\r\n>Fro\r\nFrom", false)
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.must(s, "id2", " continues\r\n", false)
	at := m.Staged.UTC()
	first := "From me@a.example " + at.Format("Mon Jan _2 15:04:05 2006") + "\n"
	want := first + strings.ReplaceAll(deliver.Received("", "work", "id1", at), "\r\n", "\n") +
		"Return-Path: <me@a.example>\nSubject: x\n\n>From here\n>>From there\n >From\n>Fro\nFrom\n\n" +
		strings.Replace(first, "me@a.example", "MAILER-DAEMON", 1) + " continues\n\n"
	if got := w.file(); got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
}

// What another program left without an empty line, or without a line end, is ended first.
func TestGlue(t *testing.T) {
	const foreign = "From you@b.example Sun Nov  8 07:00:00 2026\nSubject: y\n\nend"
	for _, end := range []string{"", "\n", "\n\n", "\n\n\n"} {
		w := newWorld(t)
		w.put(foreign + end)
		w.must(w.open(false), "id", "mine\r\n", false)
		if got, _, _ := strings.Cut(w.file(), "From MAILER"); got != foreign+max(end, "\n\n") {
			t.Errorf("behind %q: %q", end, got)
		}
	}
}

func TestReturnPath(t *testing.T) {
	for head, want := range map[string]string{
		"":                                                  "",
		"Return-Path: <a@b>\r\n":                            "a@b",
		"return-path:<a@b>\n\nbody":                         "a@b",
		"X: y\r\nReturn-Path : <a@b>\n":                     "a@b",
		"Return-Path: <>\r\nX: y\r\n":                       "",
		"Return-Path: a@b\r\n":                              "",
		"Return-Path:\r\n <a@b>\r\nX: ":                     "a@b",
		"X: y\r\n Return-Path: <a@b>\n":                     "",
		"X: y\r\n\r\nReturn-Path: <a@b>\r\n":                "",
		"Return-Path: <\"a b\"@c>\r\n":                      "",
		"Return-Path: <a@b\x00>\r\n":                        "",
		"Return-Path: <\xc3\xa4@b>\r\n":                     "",
		"Return-Path: <" + strings.Repeat("a", 400):         "",
		"Return-Path: <" + strings.Repeat("a", 400) + ">\n": "",
		"Return-Path: <a@b>\r\nReturn-Path: <c@d>\r\n":      "a@b",
		"X: " + strings.Repeat("y", headerScan-16) + "\nReturn-Path: <a@b>\r\n"[:16]: "",
	} {
		if got := returnPath([]byte(head)); got != want {
			t.Errorf("%.60q gave %q, want %q", head, got, want)
		}
	}
}

func FuzzReturnPath(f *testing.F) {
	f.Fuzz(func(t *testing.T, head []byte) {
		got := returnPath(head)
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) || len(got) > maxAddress {
			t.Errorf("%q", got)
		}
	})
}

// Whatever a message holds, and in whatever pieces it comes, it can be read back, and no line of it begins another message.
func FuzzQuote(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		var q quoter
		var out []byte
		for rest := text; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			out = q.append(out, rest[:n])
			rest = rest[n:]
		}
		out = q.end(out)
		if bytes.HasPrefix(out, []byte(fromWord)) || bytes.Contains(out, []byte("\n"+fromWord)) {
			t.Errorf("%q begins another message", out)
		}
		if back := quoted.ReplaceAll(out, []byte("$1")); !bytes.Equal(back, text) {
			t.Errorf("%q came back as %q", text, back)
		}
	})
}
