package smtp

import (
	"bytes"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// TestAdded: the Received line and the Message-ID are legal, on top, short, counted by SIZE, and the same on each try.
func TestAdded(t *testing.T) {
	now := time.Date(2026, 11, 24, 4, 3, 11, 0, time.UTC)
	o := newRig(t).options()
	o.Trace, o.AddMessageID, o.TraceBy, o.Now = true, true, "host.example", func() time.Time { return now }
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Repeat("a1", 32)
	for body, both := range map[string]bool{
		letter: true, "": true, "\r\nno header": true, "message-id : <x@y>\r\n\r\n": false, " starts with a space": false,
		"Subject: x\r\n" + strings.Repeat("X: y\r\n", maxHeader/6) + "\r\n": false,
	} {
		m := outgoing(id, body)
		m.Account = "work (\r\nX: ü)" + strings.Repeat("k", 100)
		task, err := s.prepare(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if body != "" && body[0] == ' ' {
			if len(task.added) > 0 {
				t.Errorf("%q", task.added)
			}
			continue
		}
		for line := range strings.SplitSeq(string(task.added), "\r\n") {
			if len(line) > 78 && !strings.HasPrefix(line, "Message-ID") || !printableOnly(strings.TrimPrefix(line, "\t")) {
				t.Errorf("line %q", line)
			}
		}
		msg, err := mail.ReadMessage(strings.NewReader(string(task.added) + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		want := "from popsync (account work____X____kkk"
		if got := msg.Header.Get("Received"); !strings.HasPrefix(got, want) ||
			!strings.HasSuffix(got, ") by host.example with POP3 id "+id+"; Tue, 24 Nov 2026 04:03:11 +0000") {
			t.Errorf("%q", got)
		}
		if got := msg.Header.Get("Message-ID"); (got == "<"+id+".popsync@host.example>") != both {
			t.Errorf("%.30q: Message-ID %q", body, got)
		}
		if want := int64(len(task.added)) + int64(len(encode(body))); task.octets != want {
			t.Errorf("%d octets, want %d", task.octets, want)
		}
	}
}

// encode is the message as SIZE counts it.
func encode(body string) []byte {
	var e encoder
	return e.end(e.append(nil, []byte(body)))
}

// TestUnwanted: what the options refuse never leads to a connection.
func TestUnwanted(t *testing.T) {
	r := newRig(t)
	s := r.sender(func(o *Options) { o.BareCR, o.LongLines, o.NUL = "refuse", "refuse", "refuse" })
	for body, words := range map[string]string{
		"a\rb\r\n": "CR without LF", "a\r": "CR without LF", "\r\r\n": "CR without LF", "a\x00b": "NUL",
		strings.Repeat("a", 999): "a line of 999 octets", "b\n" + strings.Repeat("a", 999) + "\r\nb": "a line of 999 octets",
	} {
		wants(t, s.Send(t.Context(), outgoing("id1", body)), "message permanent", words)
	}
	for _, id := range []string{"", "A", "a b", "a\r\n", strings.Repeat("a", 65)} {
		wants(t, s.Send(t.Context(), outgoing(id, letter)), "message", "delivery id")
	}
	r.end(s)
	r = newRig(t, hello().and(mailCmd, rcpt, data, turn{strings.Repeat("a", 998) + "\r\n\n"[:2] + ".\r\n", "250 ok\r\n"}))
	s = r.sender(func(o *Options) { o.BareCR, o.LongLines, o.NUL = "refuse", "refuse", "refuse" })
	wants(t, s.Send(t.Context(), outgoing("id1", strings.Repeat("a", 998)+"\n")), "ok")
	r.end(s)
}

// receive is a reference receiver: it splits the stream into lines in its own way, and stops at a line that is a dot.
func receive(stream []byte, next func([]byte) (line, rest []byte, ok bool)) (message []string, rest []byte, ok bool) {
	for {
		line, after, ok := next(stream)
		if !ok {
			return message, stream, false
		}
		stream = after
		if string(line) == "." {
			return message, stream, true
		}
		message = append(message, strings.TrimPrefix(string(line), "."))
	}
}

func strictLine(b []byte) (line, rest []byte, ok bool) { return bytes.Cut(b, []byte("\r\n")) }

func lfLine(b []byte) (line, rest []byte, ok bool) {
	line, rest, ok = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest, ok
}

func crLine(b []byte) (line, rest []byte, ok bool) {
	for i, ch := range b {
		if ch == '\n' {
			return b[:i], b[i+1:], true
		}
		if ch == '\r' {
			if i+1 < len(b) && b[i+1] == '\n' {
				return b[:i], b[i+2:], true
			}
			return b[:i], b[i+1:], true
		}
	}
	return nil, b, false
}

// FuzzSmuggling: whatever is in a message, in whatever pieces it comes, three receivers with three ideas of a line see
// one message, the same one, and nothing after it.
func FuzzSmuggling(f *testing.F) {
	f.Add([]byte("a\n.\nMAIL FROM:<x@y>\r\n"), 1)
	f.Fuzz(func(t *testing.T, body []byte, piece int) {
		if piece < 1 {
			piece = len(body) + 1
		}
		e := encoder{stuff: true}
		var stream []byte
		for rest := body; len(rest) > 0; {
			n := min(piece, len(rest))
			before := len(stream)
			stream = e.append(stream, rest[:n])
			if len(stream)-before > 2*n+2 {
				t.Fatalf("%d octets became %d", n, len(stream)-before)
			}
			rest = rest[n:]
		}
		stream = append(e.end(stream), ".\r\n"...)
		strict, rest, ok := receive(stream, strictLine)
		if !ok || len(rest) > 0 {
			t.Fatalf("strict: %q leaves %q, %v", stream, rest, ok)
		}
		for name, next := range map[string]func([]byte) ([]byte, []byte, bool){"LF-lax": lfLine, "CR-lax": crLine} {
			got, rest, ok := receive(stream, next)
			if !ok || len(rest) > 0 || strings.Join(got, "\n") != strings.Join(strict, "\n") || len(got) != len(strict) {
				t.Fatalf("%s: %q leaves %q, %v", name, stream, rest, ok)
			}
		}
		// Nothing but line ends has changed: the message by a slow rule.
		want := strings.ReplaceAll(string(body), "\r\n", "\n")
		want = strings.ReplaceAll(want, "\r", "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if got := strings.Join(append(strict, ""), "\n"); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		if whole := encode(string(body)); len(whole) != len(want)+strings.Count(want, "\n") {
			t.Fatalf("SIZE would say %d", len(whole))
		}
	})
}
