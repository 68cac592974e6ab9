package fetcher

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// The schedule is to blame only where a server says so, by its code or in words; the wait is the same.
func TestHintOfPutOffLogin(t *testing.T) {
	for _, tc := range []struct {
		code, text string
		schedule   bool
	}{
		{"LOGIN-DELAY", "try again later", true},
		{"", "too many logins, try again later", true},
		{"", "login rate exceeded", true},
		{"", "please wait 5 minutes between logins", true},
		{"", "you log in too often", true},
		{"", "try again later", false},
		{"", "please retry", false},
		{"", "quota exceeded", false},
		{"", "account is temporarily locked, try again later", false},
		{"", "System error", false},
	} {
		err := &pop3.LoginError{Err: &pop3.ResponseError{Command: "PASS", Code: tc.code, Text: tc.text}}
		v := verdict.Of(err)
		if v.Class != verdict.Temporary || strings.Contains(v.Hint, "schedule") != tc.schedule || v.Hint == "" {
			t.Errorf("[%s] %s: %+v", tc.code, tc.text, v)
		}
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"1 message": words.Number(1, "message"), "0 messages": words.Number(0, "message"), "2 deliveries": words.Number(2, "delivery"), "1 copy": words.Number(1, "copy"),
		"1 new message arrived at once, where 2 are usual: nothing is": strings.TrimSuffix((&health.FloodError{Flood: health.Flood{New: 1, Usual: 2}}).Error(), " fetched or deleted until you say what they are"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
