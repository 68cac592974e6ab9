package imap

import (
	"context"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/imap/imaptest"
)

// What a server says to the first line decides whether another way is tried, and how often the secret is sent.
func TestLoginWays(t *testing.T) {
	t.Parallel()
	answers := func(to map[string]string) func(verb, line string) string {
		return func(verb, line string) string {
			method, initial, _ := strings.Cut(line, " ")
			if verb == "AUTHENTICATE" && initial != "" && to["initial"] != "" {
				return to["initial"]
			}
			if verb == "AUTHENTICATE" && to[method] != "" {
				return to[method]
			}
			return to[verb]
		}
	}
	for name, tt := range map[string]struct {
		caps, auth string
		say        map[string]string
		method     string // by which it logs in; "": the login fails with these words
		words      string
		logins     int // commands that log in
	}{
		"PLAIN":                         {"AUTH=PLAIN", "", nil, "plain", "", 1},
		"only LOGIN":                    {"", "", nil, "login", "", 1},
		"LOGIN by its name":             {"AUTH=PLAIN", "login", nil, "login", "", 1},
		"LOGINDISABLED":                 {"LOGINDISABLED", "", nil, "", "offers no login by a password", 0},
		"PLAIN is not known after all":  {"AUTH=PLAIN", "", map[string]string{"PLAIN": "BAD what?"}, "login", "", 2},
		"unsupported, in words":         {"AUTH=PLAIN", "", map[string]string{"PLAIN": "NO Unsupported authentication mechanism."}, "login", "", 2},
		"refused":                       {"AUTH=PLAIN", "", map[string]string{"PLAIN": "NO [AUTHENTICATIONFAILED] no"}, "", "server said NO [AUTHENTICATIONFAILED]", 1},
		"refused without a code":        {"AUTH=PLAIN", "", map[string]string{"PLAIN": "NO go away"}, "", "go away", 1},
		"for now":                       {"AUTH=PLAIN", "", map[string]string{"PLAIN": "NO [UNAVAILABLE] later"}, "", "later", 1},
		"no response in the command":    {"AUTH=PLAIN SASL-IR", "", map[string]string{"initial": "BAD too much"}, "plain", "", 2},
		"the response is overlooked":    {"AUTH=PLAIN SASL-IR", "", nil, "plain", "", 1},
		"SCRAM only, not unasked plain": {"AUTH=SCRAM-SHA-256 LOGINDISABLED", "", map[string]string{"SCRAM-SHA-256": "NO [CANNOT] no"}, "", "CANNOT", 1},
		"hint":                          {"AUTH=PLAIN", "", map[string]string{"PLAIN": "NO [ALERT] Application-specific password required"}, "", "app password", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, imaptest.Options{Login: strings.TrimSpace("IMAP4rev1 " + tt.caps), On: answers(tt.say)})
			w.set = func(o *Options) { o.Auth = tt.auth }
			saw, err := w.open(false).Look(t.Context())
			if tt.method != "" {
				w.must(err)
			} else if e := w.fault(err); !strings.Contains(e.Error()+" | "+e.Hint, tt.words) {
				t.Errorf("%v | %s lacks %q", e, e.Hint, tt.words)
			}
			if saw.Method != tt.method {
				t.Errorf("by %q, want %q", saw.Method, tt.method)
			}
			if n := len(w.server.Commands("LOGIN")) + len(w.server.Commands("AUTHENTICATE")); n != tt.logins {
				t.Errorf("%d logins, want %d", n, tt.logins)
			}
		})
	}
}

// A refused token is followed once by a newer one.
func TestToken(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("eyJ0", 2048)
	for name, tt := range map[string]struct {
		tokens []string
		ok     bool
		logins int
	}{
		"good":      {[]string{"good"}, true, 1},
		"old":       {[]string{"old", "good"}, true, 2},
		"the same":  {[]string{"old", "old"}, false, 1},
		"both old":  {[]string{"old", "older", "oldest"}, false, 2},
		"of 8 KB":   {[]string{long}, true, 1},
		"very long": {[]string{strings.Repeat("x", 9000), "good"}, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, imaptest.Options{Token: func(token string) bool { return token == "good" || token == long }})
			var refused []string
			w.set = func(o *Options) {
				o.Password = nil
				o.Token = func(_ context.Context, was string) (string, error) {
					refused = append(refused, was)
					return tt.tokens[len(refused)-1], nil
				}
			}
			s := w.open(false)
			err := w.send(s, "one", ordinary(1), false)
			if (err == nil) != tt.ok || refused[0] != "" || len(refused) > 1 && refused[1] != tt.tokens[0] {
				t.Errorf("%v, asked %q", err, refused)
			}
			if err != nil {
				if e := w.fault(err); !e.Login || !e.Permanent || strings.Contains(e.Error(), "older") {
					t.Errorf("%+v", e)
				}
			}
			if n := len(w.server.Commands("AUTHENTICATE")); n != tt.logins {
				t.Errorf("%d logins, want %d", n, tt.logins)
			}
			if learned, _ := s.Learned(); tt.ok && learned != "xoauth2" {
				t.Errorf("learned %q", learned)
			}
		})
	}
}
