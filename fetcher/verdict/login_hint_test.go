package verdict

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3"
)

// TestLoginHint: the next step after a refused login is what its text says, else what its method suggests, else the general one.
func TestLoginHint(t *testing.T) {
	for _, tt := range []struct {
		method, code, text string
		class              Class
		hint               string
	}{
		{"plain", "", "no", Login, "check username and password, and"},
		{"user", "AUTH", "Application-specific password required", Login, "app password"},
		{"plain", "SYS/PERM", "Your account is not enabled for POP access", Config, "is off for this mailbox"},
		{"plain", "SYS/PERM", "broken", Config, "ask the provider"},
		{"plain", "", "POP3 is disabled for this account", Login, "is off for this mailbox"},
		{"scram-sha-256", "", "no", Login, `auth = "plain"`},
		{"xoauth2", "AUTH", "no", Login, "access token"},
		{"external", "", "no", Login, "certificate"},
		{"plain", "", "too many connections", Temporary, "next pass"},
	} {
		v := Of(&pop3.LoginError{Method: tt.method, Err: &pop3.ResponseError{Command: "AUTH", Code: tt.code, Text: tt.text}})
		if v.Class != tt.class || !strings.Contains(v.Hint, tt.hint) {
			t.Errorf("%+v: %v, %q", tt, v.Class, v.Hint)
		}
	}
}
