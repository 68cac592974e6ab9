package spelling_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/internal/spelling"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "/var/mail": "/var/mail", "/my mail": "/my%20mail", "100%": "100%25", "a\x00\xff\n": "a%00%FF%0A",
	} {
		got := spelling.Escape(text)
		if back, err := url.PathUnescape(got); got != want || err != nil || back != text {
			t.Errorf("%q is written %q, want %q, and read as %q, %v", text, got, want, back, err)
		}
	}
}

func TestIDs(t *testing.T) {
	random := spelling.Base32.EncodeToString(make([]byte, 16))
	for id, want := range map[string]bool{
		random: true, strings.Repeat("z", 26): true, "": false, random[1:]: false, random + "a": false,
		strings.ToUpper(random): false, "../" + random[3:]: false, random[1:] + "1": false,
	} {
		if got := spelling.IsID(id); got != want {
			t.Errorf("%q is an ID: %v", id, got)
		}
	}
}
