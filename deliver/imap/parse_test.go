package imap

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSpelled(t *testing.T) {
	for _, tt := range []struct{ folder, prefix, delimiter, want string }{
		{"Archive/2026", "", "/", "Archive/2026"},
		{"Archive/2026", "", ".", "Archive.2026"},
		{"Archive/2026", "INBOX.", ".", "INBOX.Archive.2026"},
		{"INBOX/sub", "INBOX.", ".", "INBOX.sub"},
		{"inbox/sub", "", "/", "INBOX/sub"},
		{"INBOX.sub", "INBOX.", ".", "INBOX.sub"},
		{"Entwürfe", "", "/", "Entw&APw-rfe"},
		{"a&b", "", "/", "a&-b"},
		{"日本語", "", "/", "&ZeVnLIqe-"},
		{"a/b", "", "", "!"},
		{"a.b/c", "", ".", "!"},
		{"[Gmail]/All Mail", "", "/", "[Gmail]/All Mail"},
	} {
		got, err := spelled(tt.folder, tt.prefix, tt.delimiter)
		if err != nil {
			got = "!"
		}
		if got != tt.want {
			t.Errorf("%q with %q and %q: %q, %v, want %q", tt.folder, tt.prefix, tt.delimiter, got, err, tt.want)
		}
	}
}

func TestInternalDate(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	for received, want := range map[string]string{
		"from a by b; Sat, 28 Nov 2026 10:00:00 +0100":      "28-Nov-2026 09:00:00 +0000",
		"from a by b; Tue, 3 Nov 2026 10:00:00 +0000 (UTC)": "03-Nov-2026 10:00:00 +0000",
		"from a by b; Sat, 28 Nov 1970 10:00:00 +0100":      "",
		"from a by b; Sat, 28 Nov 2037 10:00:00 +0100":      "",
		"from a by b; yesterday":                            "",
		"from a by b":                                       "",
	} {
		if got := internalDate(received, now); got != want {
			t.Errorf("%s: %q, want %q", received, got, want)
		}
	}
}

// The record is read as far as it is whole, whatever a crash has left of its end.
func TestRecordIsCut(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "copies")
	r, err := openRecord(folder, "w")
	if err != nil {
		t.Fatal(err)
	}
	r.renew(state{7, 100}, true)
	r.proved, r.uids = true, true
	for _, step := range []func() error{
		r.save, func() error { return r.begin("a") }, func() error { return r.take("a", 100, "k") },
		func() error { return r.begin("b") }, func() error { return r.begin("a") }, func() error { return r.take("a", 101, "k") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	r.close()
	whole, err := os.ReadFile(folder + ".look")
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for n := first; n <= len(whole); n++ {
		for _, tail := range []string{"", "\x00\x00\x00", "b "} {
			if err := os.WriteFile(folder+".look", append(bytes.Clone(whole[:n]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := openRecord(folder, "w")
			if err != nil || got.validity != 7 || got.base != 100 || !got.proved {
				t.Fatalf("cut at %d: %+v, %v", n, got, err)
			}
			if n == len(whole) && (got.taken["a"].uid != 101 || got.taken["a+"].uid != 100 || !got.begun["b"] || got.open() != 1) {
				t.Errorf("whole: %+v", got)
			}
		}
	}
	if other, err := openRecord(folder, "elsewhere"); err != nil || other.met() {
		t.Errorf("of another place: %+v, %v", other, err)
	}
	if err := os.WriteFile(folder+".look", []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openRecord(folder, "w"); err == nil {
		t.Error("nonsense is read")
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"* OK [CAPABILITY IMAP4rev1] hi\r\n", "* 3 FETCH (UID 5 BODY[HEADER] {5}\r\na: b\n)\r\n", "p1 NO [TRYCREATE] no\r\n", "+ go\r\n",
		"* STATUS \"a\\\"b\" (UIDNEXT 5 UIDVALIDITY 6)\r\n", "* LIST (\\a) NIL {3}\r\nabc\r\n", "* 1 FETCH (BODY[TEXT] ~{2}\r\nxx UID 7)\r\n", "* X ((((\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := &reader{in: bufio.NewReaderSize(bytes.NewReader(in), 64)}
		r.text, r.waits = func(int64) io.Writer { return newTextSum() }, func() {}
		for {
			a, err := r.read()
			if err != nil {
				return
			}
			if strings.ContainsAny(a.text+a.code, "\n") {
				t.Errorf("a line end in %+v", a)
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte(ordinary(1)))
	f.Add([]byte("Received: a\r\n b\r\nX\r\n: y\r\n\r\ntext"))
	f.Add([]byte("From me\n\xff\x00: \r\r\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := splitter{text: newTextSum()}
		n := s.Write(in)
		m := splitter{text: newTextSum()}
		var got int
		for _, ch := range in {
			got += m.Write([]byte{ch})
		}
		if n != got || s.text.sum() != m.text.sum() {
			t.Fatalf("in one piece the header has %d octets, octet by octet %d", n, got)
		}
		h := newHeader(in[:n], false)
		munged := newHeader(bytes.ReplaceAll(bytes.ReplaceAll(in[:n], []byte{0x80}, []byte("X")), []byte{0}, []byte("X")), false)
		if _, ok := h.missing(&munged); !ok {
			t.Errorf("%q is not found once its octets are changed", in[:n])
		}
		internalDate(h.top, time.Now())
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("look1 w 7 100 pu\nb a\nt a 100 k\nn a\nb a\no c\nf -\nl 3\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := &record{where: "w", begun: map[string]bool{}, old: map[string]bool{}, taken: map[string]taken{}, owner: map[uint32]string{}}
		if r.parse(in) == nil && r.nameless() > len(r.taken) {
			t.Errorf("%d of %d have no UID", r.nameless(), len(r.taken))
		}
	})
}

// What servers that keep mboxes drop of a message is not missed; a field that only looks like it is.
func TestMboxFields(t *testing.T) {
	theirs := newHeader([]byte("Subject: x\r\n\r\n"), false)
	for text, same := range map[string]bool{
		"From a@example.org Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\n": true,
		"From somebody\r\nSubject: x\r\n\r\n":                               true,
		"Status: RO\r\nX-Status: F\r\nX-UID: 7\r\nSubject: x\r\n\r\n":       true,
		"Subject: x\r\nX-IMAPbase: 1 2\r\n\r\n":                             true,
		"From: a@example.org\r\nSubject: x\r\n\r\n":                         false,
		"From : a@example.org\r\nSubject: x\r\n\r\n":                        false,
		">From a@example.org\r\nSubject: x\r\n\r\n":                         false,
		"Status: RO\r\nSubject: y\r\n\r\n":                                  false,
	} {
		ours := newHeader([]byte(text), false)
		if _, ok := ours.missing(&theirs); ok != same {
			t.Errorf("%q: %v", text, ok)
		}
	}
}
