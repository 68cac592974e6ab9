package pop3

import (
	"bytes"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/foreign"
)

func TestParseStatus(t *testing.T) {
	for _, tt := range []struct {
		line, text string
		ok, good   bool
	}{
		{"+OK", "", true, true},
		{"+OK ", "", true, true},
		{"+OK 2 320", "2 320", true, true},
		{"-ERR", "", false, true},
		{"-ERR  x", " x", false, true},
		{"+OKAY", "", false, false},
		{"-ERROR", "", false, false},
		{"+ok", "", false, false},
		{"+OK\tx", "", false, false},
		{" +OK", "", false, false},
		{"", "", false, false},
		{"+", "", false, false},
		{"HTTP/1.1 400 Bad Request", "", false, false},
	} {
		ok, text, err := parseStatus([]byte(tt.line))
		if ok != tt.ok || string(text) != tt.text || (err == nil) != tt.good {
			t.Errorf("%q: %v %q %v", tt.line, ok, text, err)
		}
	}
}

func TestParseCode(t *testing.T) {
	for _, tt := range [][3]string{
		{"[IN-USE] locked", "IN-USE", "locked"},
		{"[in-use]locked", "IN-USE", "locked"},
		{"[SYS/TEMP] x [AUTH] y", "SYS/TEMP", "x [AUTH] y"},
		{"[LOGIN-DELAY]", "LOGIN-DELAY", ""},
		{"text [AUTH] later", "", "text [AUTH] later"},
		{" [AUTH] x", "", " [AUTH] x"},
		{"[] x", "", "[] x"},
		{"[AUTH x", "", "[AUTH x"},
		{"[two words] x", "", "[two words] x"},
		{"[\xff] x", "", "[\xff] x"},
		{"[[AUTH]] x", "", "[[AUTH]] x"},
		{"[" + strings.Repeat("A", 64) + "]", strings.Repeat("A", 64), ""},
		{"[" + strings.Repeat("A", 65) + "]", "", "[" + strings.Repeat("A", 65) + "]"},
		{"", "", ""},
	} {
		if code, rest := parseCode([]byte(tt[0])); code != tt[1] || string(rest) != tt[2] {
			t.Errorf("%q: %q, %q", tt[0], code, rest)
		}
	}
}

func TestPlausibleStatus(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "+": true, "+O": true, "+OK": true, "+OK x": true, "+OK\r\n": true, "-ERR": true, "-E": true,
		"x": false, "+X": false, "+OKx": false, ".\r\n": false, "\r\n": false,
	} {
		if plausibleStatus([]byte(s)) != want {
			t.Errorf("%q: want %v", s, want)
		}
	}
}

// FuzzReply wants that nothing of a reply gets lost or out of its bounds, and that a whole status line was a plausible
// one at every moment.
func FuzzReply(f *testing.F) {
	f.Fuzz(func(t *testing.T, line []byte) {
		ok, text, err := parseStatus(line)
		if err != nil {
			return
		}
		for i := range line {
			if !plausibleStatus(line[:i]) {
				t.Fatalf("%q is not plausible", line[:i])
			}
		}
		code, rest := parseCode(text)
		if !bytes.HasSuffix(text, rest) || len(code) > maxCode || strings.ContainsAny(code, " []\r\n") {
			t.Fatalf("%q: %q, %q", line, code, rest)
		}
		back := map[bool]string{true: "+OK", false: "-ERR"}[ok]
		if len(line) > len(back) {
			back += " " + string(text)
		}
		if back != string(line) {
			t.Fatalf("%q became %q", line, back)
		}
		if strings.ContainsFunc(escape(line), func(r rune) bool { return !foreign.Shown(r) }) {
			t.Fatalf("%q escaped to %q", line, escape(line))
		}
	})
}

func TestCapabilities(t *testing.T) {
	var p Capabilities
	for _, line := range []string{
		"TOP", "uidl", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "STLS", "SASL plain LOGIN", "EXPIRE never",
		"LOGIN-DELAY 900 USER", "IMPLEMENTATION Dove\x1bcot 2.3", "USER", "X-OTHER a b", "", "   ",
	} {
		p.add(line)
	}
	if !p.Top || !p.UIDL || !p.Pipelining || !p.RespCodes || !p.AuthRespCode || !p.STLS || !p.User ||
		strings.Join(p.SASL, " ") != "PLAIN LOGIN" || p.Expire != "NEVER" ||
		p.LoginDelay.Seconds() != 900 || p.Implementation != `Dove\x1bcot 2.3` {
		t.Errorf("%+v", p)
	}
}

// FuzzCapabilities wants no panic, and nothing that could harm a terminal.
func FuzzCapabilities(f *testing.F) {
	f.Fuzz(func(t *testing.T, lines string) {
		var p Capabilities
		for line := range strings.SplitSeq(lines, "\n") {
			p.add(line)
		}
		if strings.ContainsFunc(p.Implementation+p.Expire, func(r rune) bool { return !foreign.Shown(r) }) {
			t.Fatalf("%+v", p)
		}
		if p.LoginDelay < 0 {
			t.Fatal(p.LoginDelay)
		}
	})
}

func TestEscape(t *testing.T) {
	if got := escape([]byte("a\\b\x00\x7f\u202e\r")); got != `a\b\x00\x7f\xe2\x80\xae\x0d` {
		t.Error(got)
	}
	for _, n := range []int{1016, 1017, 1018, 1024, 5000} {
		for _, ch := range []string{"a", "\x00"} {
			if got := escape([]byte(strings.Repeat(ch, n))); len(got) > maxErrorText {
				t.Errorf("%d octets from %d of %q", len(got), n, ch)
			}
		}
	}
}
