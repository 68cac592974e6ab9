package gmail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/gmail/gmailtest"
)

// answers is what Gmail may say of an import, and what it means.
var answers = []struct {
	name             string
	f                gmailtest.Fault
	message, forGood bool // about this message; permanent
	full, login      bool
	wait             time.Duration
	hint             string
}{
	{name: "no From", f: gmailtest.Fault{Status: 400, Reason: "invalidArgument", Message: "Expected a single 'From' header"}, message: true, forGood: true},
	{name: "a bad From", f: gmailtest.Fault{Status: 400, Reason: "invalidArgument", Message: "Invalid From header"}, message: true, forGood: true},
	{name: "an attachment", f: gmailtest.Fault{Status: 400, Reason: "invalidArgument", Message: "Invalid attachment. Please check https://support.google.com/mail/answer/6590"}, message: true, forGood: true},
	{name: "BadAttachment", f: gmailtest.Fault{Status: 400, Message: "BadAttachment badfile_checker"}, message: true, forGood: true},
	{name: "no reason", f: gmailtest.Fault{Status: 400, Reason: "badRequest", Message: "Bad Request"}, message: true},
	{name: "no reason, newer", f: gmailtest.Fault{Status: 400, Reason: "INVALID_ARGUMENT", Message: "Request contains an invalid argument."}, message: true},
	{name: "no mail", f: gmailtest.Fault{Status: 400, Reason: "failedPrecondition", Message: "Mail service not enabled"}, forGood: true, hint: "service account"},
	{name: "precondition", f: gmailtest.Fault{Status: 400, Reason: "failedPrecondition", Message: "Precondition check failed."}, forGood: true, hint: "service account"},
	{name: "day", f: gmailtest.Fault{Status: 403, Reason: "dailyLimitExceeded", Message: "Daily Limit Exceeded"}, wait: time.Hour},
	{name: "until", f: gmailtest.Fault{Status: 429, Reason: "dailyLimitExceeded", Message: "Daily limit.", RetryAfter: "7200"}, wait: 2 * time.Hour},
	{name: "rate, and hours to wait", f: gmailtest.Fault{Status: 429, Reason: "rateLimitExceeded", Message: "User-rate limit exceeded", RetryAfter: "3600"}, wait: time.Hour},
	{name: "429 alone", f: gmailtest.Fault{Status: 429, RetryAfter: "1800"}, wait: 30 * time.Minute},
	{name: "scopes", f: gmailtest.Fault{Status: 403, Reason: "insufficientPermissions", Message: "Insufficient Permission"}, login: true, forGood: true, hint: "boxes"},
	{name: "scopes, newer", f: gmailtest.Fault{Status: 403, Reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Message: "Request had insufficient authentication scopes."}, login: true, forGood: true, hint: "boxes"},
	{name: "API off", f: gmailtest.Fault{Status: 403, Reason: "accessNotConfigured", Message: "Gmail API has not been used in project 1 before or it is disabled."}, forGood: true, hint: "switch on the Gmail API"},
	{name: "API off, newer", f: gmailtest.Fault{Status: 403, Reason: "SERVICE_DISABLED", Message: "no"}, forGood: true, hint: "switch on the Gmail API"},
	{name: "administrator", f: gmailtest.Fault{Status: 403, Reason: "domainPolicy", Message: "The domain administrators have disabled Gmail apps."}, forGood: true, hint: "administrator"},
	{name: "delegation", f: gmailtest.Fault{Status: 403, Reason: "forbidden", Message: "Delegation denied for me@example.org"}, forGood: true, hint: "administrator"},
	{name: "403 alone", f: gmailtest.Fault{Status: 403, HTML: true}, forGood: true, hint: "project"},
	{name: "401", f: gmailtest.Fault{Status: 401, Reason: "authError", Message: "Invalid Credentials"}, login: true, forGood: true, hint: "popsync login"},
	{name: "too large", f: gmailtest.Fault{Status: 413, Reason: "uploadTooLarge", Message: "Request Entity Too Large"}, message: true, forGood: true, hint: "25 MB"},
	{name: "413 alone", f: gmailtest.Fault{Status: 413, HTML: true}, message: true, forGood: true, hint: "150 MB"},
	{name: "too large by words", f: gmailtest.Fault{Status: 400, Reason: "invalidArgument", Message: "Message size exceeds the maximum"}, message: true, forGood: true, hint: "25 MB"},
	{name: "full", f: gmailtest.Fault{Status: 403, Reason: "forbidden", Message: "The user's storage quota has been exceeded."}, message: true, full: true},
	{name: "500", f: gmailtest.Fault{Status: 500, Reason: "backendError", Message: "Internal error encountered."}, message: true},
	{name: "502", f: gmailtest.Fault{Status: 502, HTML: true}},
	{name: "503", f: gmailtest.Fault{Status: 503, Reason: "backendError", Message: "Service unavailable", RetryAfter: "90"}, wait: 90 * time.Second},
	{name: "504", f: gmailtest.Fault{Status: 504}},
	{name: "404", f: gmailtest.Fault{Status: 404, Reason: "notFound", Message: "Not Found"}},
	{name: "a redirect", f: gmailtest.Fault{Status: 302, HTML: true}},
	{name: "418", f: gmailtest.Fault{Status: 418, HTML: true}},
	{name: "secrets are struck", f: gmailtest.Fault{Status: 400, Reason: "invalidArgument", Message: "header \x1b " + testToken}, message: true, forGood: true},
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, a := range answers {
		for what, text := range map[string]string{"with a Message-ID": named(1), "without": bare(1)} {
			t.Run(a.name+", "+what, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, gmailtest.Options{Fault: func(c gmailtest.Call) (f gmailtest.Fault) {
					if c.Kind == "import" || c.Kind == "upload" {
						f = a.f
					}
					return f
				}})
				err := w.send(w.open(false), "one", text, false)
				e := w.fault(err)
				scope := deliver.WholeTarget
				if a.message {
					scope = deliver.ThisMessage
				}
				doubt := what == "without" && a.f.Status >= 500
				if e.Scope != scope || e.Permanent != a.forGood || e.Full != a.full || e.Login != a.login || e.Wait.Round(time.Second) != a.wait || e.Uncertain != doubt {
					t.Errorf("%+v: %v", *e, err)
				}
				if !strings.Contains(e.Hint, a.hint) || a.hint != "" && e.Hint == "" {
					t.Errorf("hint %q, want one with %q", e.Hint, a.hint)
				}
				if !strings.Contains(err.Error(), fmt.Sprint(a.f.Status)) || strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "\x1b") {
					t.Errorf("%v", err)
				}
				if a.f.Message != "" && !strings.Contains(err.Error(), strings.Split(a.f.Message, "\x1b")[0]) {
					t.Errorf("%v does not name the reason", err)
				}
				w.has("after a refusal")
			})
		}
	}
}

// What Gmail says of messages is told with its reason.
func TestForbidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{})
	s := w.open(false)
	for text, reason := range map[string]string{
		"Message-ID: <1@a>\r\nSubject: none\r\n\r\n.\r\n":                          "Expected a single 'From' header",
		"Message-ID: <2@a>\r\nFrom: a@a.example\r\nFrom: b@a.example\r\n\r\n.\r\n": "Expected a single 'From' header",
		"Message-ID: <3@a>\r\nFrom: a@a.example, b@a.example\r\n\r\n.\r\n":         "Invalid From header",
		"From: a@a.example, b@a.example\r\n\r\nwithout a Message-ID.\r\n":          "Invalid From header",
		strings.Replace(named(4), "The text", "Content: filename=\"x.exe\"", 1):    "Invalid attachment",
		strings.Replace(bare(5), "The text", "Content: filename=\"x.exe\"", 1):     "Invalid attachment",
		"\x00\r\n": "Expected a single 'From' header",
	} {
		e := w.fault(w.send(s, long(text), text, false))
		if e.Scope != deliver.ThisMessage || !e.Permanent || e.Uncertain || !strings.Contains(e.Error(), reason) {
			t.Errorf("%.50q: %v", text, e)
		}
	}
	if e := w.fault(w.send(s, "none", "", false)); e.Scope != deliver.ThisMessage || !e.Permanent {
		t.Error(e)
	}
	w.must(w.send(s, "good", named(9), false))
	w.has("one good", named(9))
	s.Close()
	r, err := openRecord(w.copies, s.where)
	if err != nil || len(r.sessions) != 0 {
		t.Errorf("%v, %v: sessions of refused messages are kept", r.sessions, err)
	}
}

// A refusal without a reason counts the second time, whoever sees it. Several messages in a row are no fault of theirs.
func TestNoReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{Fault: func(c gmailtest.Call) (f gmailtest.Fault) {
		if c.Kind == "import" {
			f = gmailtest.Fault{Status: 400, Reason: "badRequest", Message: "Bad Request"}
		}
		return f
	}})
	for try, want := range []bool{false, true} {
		s := w.open(true)
		if e := w.fault(w.send(s, "one", named(1), false)); e.Scope != deliver.ThisMessage || e.Permanent != want {
			t.Errorf("try %d: %+v", try, e)
		}
		s.Close()
	}
	s := w.open(true)
	for n := range 6 {
		for range 2 {
			e := w.fault(w.send(s, fmt.Sprint("n", n), named(n), false))
			if n >= oddRow-1 && (e.Scope != deliver.WholeTarget || e.Permanent) {
				t.Errorf("message %d: %+v", n, e)
			}
		}
	}
}

// A message at which Gmail always breaks does not stop others, and an outage is the destination's.
func TestBreaks(t *testing.T) {
	t.Parallel()
	down := false
	w := newWorld(t, gmailtest.Options{})
	n := 0
	w.server.Set(func(o *gmailtest.Options) {
		o.Fault = func(c gmailtest.Call) (f gmailtest.Fault) {
			if c.Kind == "import" {
				if n++; n%2 == 1 || down {
					f = gmailtest.Fault{Status: 500, Reason: "backendError", Message: "Internal error"}
				}
			}
			return f
		}
	})
	s := w.open(false)
	for i := range 5 {
		if e := w.fault(w.send(s, "bad", named(0), false)); e.Scope != deliver.ThisMessage || e.Permanent {
			t.Errorf("%+v", e)
		}
		w.must(w.send(s, fmt.Sprint(i), named(i+1), false))
	}
	down = true
	for i := range 3 {
		e := w.fault(w.send(s, fmt.Sprint("down", i), named(i+10), false))
		if whole := e.Scope == deliver.WholeTarget; whole != (i == 2) {
			t.Errorf("%d: %+v", i, e)
		}
	}
}

// A token that Gmail refuses is exchanged once.
func TestToken(t *testing.T) {
	t.Parallel()
	good := "second"
	w := newWorld(t, gmailtest.Options{Token: func(token string) ([]string, bool) {
		return []string{"https://www.googleapis.com/auth/gmail.insert"}, token == good
	}})
	var asked []string
	w.set = func(o *Options) {
		o.Labels = []string{"INBOX"}
		o.Token = func(_ context.Context, refused string) (string, error) {
			asked = append(asked, refused)
			if refused == "" {
				return "first", nil
			}
			return "second", nil
		}
	}
	w.must(w.send(w.open(false), "one", named(1), false))
	good = "third"
	if e := w.fault(w.send(w.open(false), "two", named(2), false)); !e.Login || !e.Permanent || e.Scope != deliver.WholeTarget {
		t.Errorf("%+v", e)
	}
	if got := strings.Join(asked, ","); got != ",first,,first" {
		t.Errorf("asked for %q", got)
	}
	none := errors.New("nobody has logged in")
	w.set = func(o *Options) { o.Token = func(context.Context, string) (string, error) { return "", none } }
	if e := w.fault(w.send(w.open(false), "two", named(2), false)); !errors.Is(e, none) || e.Scope != deliver.WholeTarget || e.Permanent {
		t.Errorf("%+v", e)
	}
	w.set = func(o *Options) { o.Labels = []string{"Other"} }
	good = testToken
	if e := w.fault(w.send(w.open(false), "two", named(2), false)); !e.Login || !strings.Contains(e.Hint, "boxes") {
		t.Errorf("without the scope for labels: %+v", e)
	}
	w.has("one", named(1))
}

// Mail goes to the mailbox that is meant, and that it went to before.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{})
	subject, email := "1001", "M.E@googlemail.com"
	w.set = func(o *Options) { o.Whose = func() (string, string) { return subject, email } }
	w.must(w.send(w.open(false), "one", named(1), false))
	email = "other@gmail.com"
	for range 2 {
		if e := w.fault(w.send(w.open(false), "two", named(2), false)); !e.Login || !e.Permanent || !strings.Contains(e.Error(), "other@gmail.com") {
			t.Errorf("%+v", e)
		}
	}
	if _, err := w.open(false).Look(t.Context()); !w.fault(err).Login {
		t.Error(err)
	}
	subject, email = "1002", "me@gmail.com"
	if e := w.fault(w.send(w.open(false), "two", named(2), false)); !e.Login || !strings.Contains(e.Error(), "another Google account") {
		t.Errorf("%+v", e)
	}
	subject, email = "", ""
	w.must(w.send(w.open(false), "two", named(2), false))
	subject = "1001"
	w.must(w.send(w.open(false), "three", named(3), false))
	w.has("three", named(1), named(2), named(3))
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{})
	w.server.Close()
	if e := w.fault(w.send(w.open(false), "one", named(1), false)); e.Scope != deliver.WholeTarget || e.Permanent || e.Uncertain || e.Op != "connect" {
		t.Errorf("%+v", e)
	}
	w = newWorld(t, gmailtest.Options{})
	w.set = func(o *Options) { o.TLSConfig = nil }
	if e := w.fault(w.send(w.open(false), "one", named(1), false)); e.Scope != deliver.WholeTarget || !e.Permanent || e.Hint == "" || !strings.Contains(e.Error(), "TLS handshake") {
		t.Errorf("a certificate that nobody knows: %+v", e)
	}
	s := w.open(false)
	s.Close()
	if e := w.fault(w.send(s, "one", named(1), false)); e.Scope != deliver.WholeTarget || e.Permanent {
		t.Errorf("%+v", e)
	}
}
