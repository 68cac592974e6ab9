package smtp

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/foreign"
)

// TestSeeds fails when a fuzz target lost its corpus: a pattern that matches nothing is no error to the fuzzer.
func TestSeeds(t *testing.T) {
	for _, target := range []string{"FuzzSmuggling", "FuzzReply", "FuzzEnvelope", "FuzzAddress"} {
		if found, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*")); err != nil || len(found) < 3 {
			t.Errorf("%s has %d seeds, %v", target, len(found), err)
		}
	}
}

// FuzzReply: a reply is whole, bounded and of one code, or an error; and what is shown of it is printable.
func FuzzReply(f *testing.F) {
	f.Add("250-a\r\n250 b\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		client, server := net.Pipe()
		go func() {
			_, _ = server.Write([]byte(in))
			server.Close()
		}()
		defer client.Close()
		r, last, err := newWire(client).reply(time.Minute)
		if said := printable(string(last), foreign.NewSecrets("me", marker), true); strings.ContainsFunc(said, func(r rune) bool { return !foreign.Shown(r) }) {
			t.Errorf("not printable: %q", said)
		}
		if err != nil {
			return
		}
		var b strings.Builder
		for i, line := range r.lines {
			if strings.Contains(line, "\n") {
				t.Errorf("line %q", line)
			}
			if i < len(r.lines)-1 {
				b.WriteString(in[:3] + "-" + line + "\r\n")
			} else if rest := in[b.Len():]; rest[:3] == in[:3] && strings.HasPrefix(rest[3:], "\r\n") {
				b.WriteString(in[:3] + "\r\n")
			} else {
				b.WriteString(in[:3] + " " + line + "\r\n")
			}
		}
		if !strings.HasPrefix(in, b.String()) || r.code < 200 || r.code > 599 || len(r.lines) > maxReplyLines {
			t.Errorf("%q became %d %q", in, r.code, r.lines)
		}
		if r.enhanced != "" && (int(r.enhanced[0]-'0') != r.code/100 || len(r.enhanced) > 9) {
			t.Errorf("enhanced %q of %d", r.enhanced, r.code)
		}
	})
}

// FuzzEnvelope: whatever a header holds, only what can be sent comes out of it, and only allowed domains.
func FuzzEnvelope(f *testing.F) {
	f.Add("Return-Path: <a@b.example>\r\nX-To: c@y.example\r\n\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		o := Options{EnvelopeHeader: "X-To", AllowDomains: []string{"y.example"}, From: "original"}
		s, err := inspect(t.Context(), strings.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.header) > maxHeader {
			t.Error("header too long")
		}
		if from, _ := o.sender(s.header); from != "" && !validAddress(from) {
			t.Errorf("sender %q", from)
		}
		list, err := o.recipients(s.header)
		if (err == nil) != (len(list) > 0) {
			t.Errorf("%q, %v", list, err)
		}
		for _, a := range list {
			if !validAddress(a) || !strings.HasSuffix(strings.ToLower(a), "@y.example") || !strings.Contains(in, ":") {
				t.Errorf("recipient %q", a)
			}
		}
	})
}

// FuzzAddress: what is taken as an address can end neither the path nor the command.
func FuzzAddress(f *testing.F) {
	f.Add("a@b.example")
	f.Fuzz(func(t *testing.T, in string) {
		if validAddress(in) && (strings.ContainsAny(in, "\r\n\x00 <>\t") || !strings.Contains(in, "@")) {
			t.Errorf("%q is taken", in)
		}
	})
}
