package pop3

import (
	"bytes"
	"strings"
	"testing"
)

func TestAppendCommand(t *testing.T) {
	for _, tt := range []struct {
		verb, arg, want string
		err             error
	}{
		{"NOOP", "", "NOOP\r\n", nil},
		{"RETR", "12", "RETR 12\r\n", nil},
		{"PASS", " a b ", "PASS  a b \r\n", nil},
		{"PASS", "\xff\xe9", "PASS \xff\xe9\r\n", nil},
		{"", "abc=", "abc=\r\n", nil},
		{"USER", "me\r\nDELE 1", "", errForbidden},
		{"USER", "me\nDELE 1", "", errForbidden},
		{"USER", "me\rDELE 1", "", errForbidden},
		{"PASS", "a\x00b", "", errForbidden},
		{"NOOP\r\nDELE", "1", "", errVerb},
		{"RETR", strings.Repeat("1", 248), "RETR " + strings.Repeat("1", 248) + "\r\n", nil},
		{"RETR", strings.Repeat("1", 249), "", errLongCommand},
		{"PASS", strings.Repeat("p", 249), "PASS " + strings.Repeat("p", 249) + "\r\n", nil},
		{"PASS", strings.Repeat("p", 12282), "", errLongCommand},
	} {
		got, err := appendCommand(nil, tt.verb, []byte(tt.arg))
		if string(got) != tt.want || err != tt.err {
			t.Errorf("%q %.20q: got %.20q, %v", tt.verb, tt.arg, got, err)
		}
	}
}

// FuzzCommand wants that whatever is sent is one line.
func FuzzCommand(f *testing.F) {
	f.Fuzz(func(t *testing.T, verb string, arg []byte) {
		got, err := appendCommand([]byte("before"), verb, arg)
		if err != nil {
			if string(got) != "before" {
				t.Fatalf("%q %q: refused, but left %q", verb, arg, got)
			}
			return
		}
		line := got[len("before"):]
		if bytes.IndexByte(line, '\n') != len(line)-1 || bytes.IndexByte(line, '\r') != len(line)-2 || bytes.IndexByte(line, 0) >= 0 {
			t.Fatalf("%q %q: %q", verb, arg, line)
		}
		if len(line) > maxCredential {
			t.Fatal(len(line))
		}
	})
}
