package fetcher

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// answers makes the server answer commands in its own way, and keeps which of those came.
func (r *rig) answers(how func(s *pop3test.Session, verb, arg string) *pop3test.Reply) *[]string {
	var verbs []string
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if slices.Contains([]string{"CAPA", "AUTH", "USER", "PASS"}, verb) {
				verbs = append(verbs, verb)
			}
			return how(s, verb, arg)
		}
	})
	return &verbs
}

func says(raw string) *pop3test.Reply { return &pop3test.Reply{Raw: []byte(raw)} }

func saysLast(raw string) *pop3test.Reply { return &pop3test.Reply{Raw: []byte(raw), Close: true} }

// learned is what is told of the server.
func (r *rig) learned(words string) bool {
	r.t.Helper()
	var lines []string
	for _, trait := range health.Learned(r.remembered().Encode(), health.Spoken{}, r.clock) {
		lines = append(lines, trait.Text)
	}
	return strings.Contains(strings.Join(lines, "\n"), words)
}

// A server that announces AUTH PLAIN and does not know it: the login works in the same session, later ones do not try in vain for
// thirty days, and other settings begin anew.
func TestAuthUnknown(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	r.acc.Setting = "one"
	verbs := r.answers(func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "AUTH" {
			return says("-ERR unknown command\r\n")
		}
		return nil
	})
	tried := func() string {
		*verbs = nil
		r.ok()
		return strings.Join(slices.DeleteFunc(slices.Clone(*verbs), func(v string) bool { return v == "CAPA" }), " ")
	}
	both, once := "AUTH USER PASS", "USER PASS"
	if got := tried(); got != both {
		t.Fatal(got)
	}
	r.wantMail(box...)
	if !r.learned("does not know AUTH") || r.remembered().Refused != nil {
		t.Errorf("%+v", r.remembered())
	}
	for _, step := range []struct {
		after   time.Duration
		setting string
		want    string
	}{{time.Hour, "one", once}, {29 * 24 * time.Hour, "one", once}, {24 * time.Hour, "one", both}, {time.Hour, "one", once}, {time.Hour, "two", both}, {-400 * 24 * time.Hour, "two", both}} {
		r.clock = r.clock.Add(step.after)
		r.acc.Setting = step.setting
		if got := tried(); got != step.want {
			t.Errorf("after %v, setting %s: %s, want %s", step.after, step.setting, got, step.want)
		}
	}
	// A person who says how to log in is obeyed, and a refusal of the password is not followed by another try.
	r.acc.Setting, r.acc.Login.Auth = "three", "plain"
	*verbs = nil
	if rep := r.run(); rep.Verdict.Class != verdict.Login || slices.Contains(*verbs, "USER") || r.learned("does not know AUTH") {
		t.Errorf("%+v, %v", rep.Verdict, *verbs)
	}
	r.acc.Setting, r.acc.Login.Auth = "four", "auto"
	verbs = r.answers(func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "AUTH" {
			return says("-ERR [AUTH] no\r\n")
		}
		return nil
	})
	if rep := r.run(); rep.Verdict.Class != verdict.Login || slices.Contains(*verbs, "USER") {
		t.Errorf("%+v, %v", rep.Verdict, *verbs)
	}
}

// Any continuation is one.
func TestContinuation(t *testing.T) {
	const caps = "+OK\r\nSASL PLAIN\r\nUIDL\r\n.\r\n"
	for _, challenge := range []string{"+", "+ ", "+ go ahead"} {
		r := newRig(t)
		dial, wait := fault.Script{fault.Send("+OK\r\n"), fault.Chat("CAPA", caps, "AUTH PLAIN AHUAcA==", challenge+"\r\n", "AHUAcA==", "+OK\r\n",
			"CAPA", caps, "UIDL", "+OK\r\n.\r\n", "LIST", "+OK\r\n.\r\n", "QUIT", "+OK\r\n")}.Start()
		r.acc.Server.Dial = dial
		r.ok()
		if err := wait(); err != nil {
			t.Errorf("%q: %v", challenge, err)
		}
	}
}

// CAPA that breaks the connection, in each way: the pass connects again without, says so, and asks again after six hours, then
// after a week, then after a month.
func TestNoCapa(t *testing.T) {
	endless := "+OK\r\n" + strings.Repeat("TOP\r\n", 1500)
	for name, how := range map[string]func(verb string, loggedIn bool) *pop3test.Reply{
		"closes": func(verb string, _ bool) *pop3test.Reply {
			if verb == "CAPA" {
				return saysLast("")
			}
			return nil
		},
		"refuses and closes": func(verb string, _ bool) *pop3test.Reply {
			if verb == "CAPA" {
				return saysLast("-ERR what?\r\n")
			}
			return nil
		},
		"garbles": func(verb string, _ bool) *pop3test.Reply {
			if verb == "CAPA" {
				return says("hello\r\n")
			}
			return nil
		},
		"never ends": func(verb string, _ bool) *pop3test.Reply {
			if verb == "CAPA" {
				return says(endless)
			}
			return nil
		},
		"closes in the midst": func(verb string, _ bool) *pop3test.Reply {
			if verb == "CAPA" {
				return saysLast("+OK\r\nTOP\r\n")
			}
			return nil
		},
		"closes behind the login": func(verb string, loggedIn bool) *pop3test.Reply {
			if verb == "CAPA" && loggedIn {
				return saysLast("")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t, box...)
			r.acc.Setting = "one"
			n := r.connections()
			loggedIn := false
			verbs := r.answers(func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
				if verb == "USER" || verb == "AUTH" {
					defer func() { loggedIn = true }()
				}
				return how(verb, loggedIn)
			})
			asks := func() bool {
				*verbs, loggedIn = nil, false
				before := *n
				r.ok()
				asked := slices.Contains(*verbs, "CAPA")
				if want := map[bool]int{true: 2, false: 1}[asked]; *n-before != want {
					t.Errorf("%d connections", *n-before)
				}
				return asked
			}
			if !asks() {
				t.Fatal("CAPA was not asked")
			}
			r.wantMail(box...)
			if !r.learned("CAPA broke the connection") {
				t.Errorf("%+v", r.remembered().Quirks)
			}
			const day = 24 * time.Hour
			for i, step := range []struct {
				after   time.Duration
				setting string
				want    bool
			}{{5 * time.Hour, "one", false}, {2 * time.Hour, "one", true}, {6 * day, "one", false}, {2 * day, "one", true}, {29 * day, "one", false}, {2 * day, "one", true},
				{time.Hour, "one", false}, {time.Hour, "two", true}} {
				r.clock = r.clock.Add(step.after)
				r.acc.Setting = step.setting
				if got := asks(); got != step.want {
					t.Errorf("step %d, after %v: asked %v", i, step.after, got)
				}
			}
			// Once it works again, all of that is forgotten.
			r.answers(func(*pop3test.Session, string, string) *pop3test.Reply { return nil })
			r.clock = r.clock.Add(7 * time.Hour)
			r.ok()
			if q := r.remembered().Quirks; q != (health.Quirks{}) || r.learned("CAPA") {
				t.Errorf("%+v", q)
			}
		})
	}
}

// A server that wants time between logins is not asked for a second one at once: the next pass goes on.
func TestNoCapaApart(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	r.acc.MinInterval = 15 * time.Minute
	n, loggedIn := r.connections(), false
	r.answers(func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "CAPA" && loggedIn {
			return saysLast("")
		}
		loggedIn = loggedIn || verb == "USER" || verb == "AUTH"
		return nil
	})
	if rep := r.run(); rep.Verdict.Class != verdict.Temporary || *n != 1 {
		t.Fatalf("%+v, %d connections", rep, *n)
	}
	r.clock = r.clock.Add(16 * time.Minute)
	r.ok()
	if r.wantMail(box...); *n != 2 {
		t.Errorf("%d connections", *n)
	}
}

// A network that fails at CAPA, and at all else, teaches nothing.
func TestNoCapaUnreachable(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	r.answers(func(*pop3test.Session, string, string) *pop3test.Reply { return saysLast("") })
	if rep := r.run(); rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	if q := r.remembered().Quirks; q != (health.Quirks{}) {
		t.Errorf("%+v", q)
	}
}

// A server that closes the connection instead of answering a password: temporary, with the likely cause named.
func TestHungUpAtLogin(t *testing.T) {
	for _, verb := range []string{"PASS", "AUTH"} {
		r := newRig(t, mailbox(1)...)
		r.acc.LoginHint = "make an app password"
		if verb == "PASS" {
			r.acc.Login.Auth = "user"
		}
		r.answers(func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
			if v == verb {
				return saysLast("")
			}
			return nil
		})
		rep := r.run()
		if v := rep.Verdict; v.Class != verdict.Temporary || !strings.Contains(v.Message, "when it was given the login") || !strings.Contains(v.Hint, "check username and password") || !strings.Contains(v.Hint, "app password") {
			t.Errorf("%s: %+v", verb, v)
		}
		if r.remembered().Refused != nil {
			t.Error("it counts as refused")
		}
	}
}

// Texts of a passing state are no refusals, whether or not the account ever worked, and however often they come.
func TestPassingNeverCounts(t *testing.T) {
	for _, text := range []string{"maildrop already locked", "internal server error", "too many logins, please wait"} {
		for _, worked := range []bool{false, true} {
			box := mailbox(1)
			r := newRig(t, box...)
			if worked {
				r.ok()
				r.clock = r.clock.Add(time.Hour)
			}
			r.refuse("-ERR " + text)
			for range 60 {
				rep := r.run()
				if rep.Verdict.Class != verdict.Temporary && rep.Verdict.Class != verdict.OK || !rep.Untried && rep.Verdict.Class != verdict.Temporary || r.remembered().Refused != nil {
					t.Fatalf("%s: %+v", text, rep)
				}
				r.clock = r.clock.Truncate(time.Second).Add(21 * time.Minute)
			}
			r.refuse("")
			r.clock = r.clock.Add(5 * time.Hour)
			r.ok()
			r.wantMail(box...)
		}
	}
}

// A ledger of an older version gave up logins that had worked. They are tried again.
func TestGivenUpBefore(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newPass(Account{}, Options{Now: func() time.Time { return now }}.WithDefaults())
	p.desk.Health.Facts = health.Facts{LoggedInAt: now.Unix() - 1e6, Refused: &health.Refusals{Plain: 3, First: now.Unix() - 1e5, Last: now.Unix() - 9e4, Stopped: true, Text: "no"}}
	if err := p.desk.Health.Barred(t.Context()); err != nil {
		t.Error(err)
	}
	p.desk.Health.Refused.Coded = 1
	if err := p.desk.Health.Barred(t.Context()); err == nil {
		t.Error("with [AUTH] it stays given up")
	}
	p.desk.Health.Refused.Coded, p.desk.Health.LoggedInAt = 0, 0
	if err := p.desk.Health.Barred(t.Context()); err == nil {
		t.Error("one that never worked stays given up")
	}
}

// A refusal in another script is told in it.
func TestRefusedInChinese(t *testing.T) {
	for _, said := range []string{"登录失败", "\xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc"} {
		r := newRig(t)
		r.refuse("-ERR " + said)
		if rep := r.run(); rep.Verdict.Class != verdict.Login || !strings.Contains(rep.Verdict.Message, "登录失败") || r.remembered().Refused.Text != "登录失败" {
			t.Errorf("%+v", rep.Verdict)
		}
	}
}

// Unique-ids that hold the secret are remembered by another name: mail comes once, and nothing of the secret is in the ledger, the
// report or the log.
func TestSecretInUniqueIDs(t *testing.T) {
	const pw = "Hunter2-of-Yore"
	box := mailbox(4)
	r := newRig(t)
	r.server.AddUser("u", pw, box...)
	r.acc.Login.Password = func(context.Context) (string, error) { return pw, nil }
	r.server.Change(func(o *pop3test.Options) {
		o.UIDs = func(i int, _ pop3test.Message) string {
			return fmt.Sprint(i, [...]string{pw, strings.ToUpper(pw), base64.StdEncoding.EncodeToString([]byte(pw)), "x"}[i%4])
		}
	})
	var log bytes.Buffer
	r.opt.Log = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&log), zap.DebugLevel))
	for i, want := range []int{4, 0, 0} {
		rep := r.run()
		if rep.New != want || rep.Verdict.Class != verdict.OK {
			t.Fatalf("pass %d: %+v", i, rep)
		}
		fmt.Fprintf(&log, "%+v", rep)
		r.ledger.Close()
		r.open()
	}
	r.opt.DryRun = true
	fmt.Fprintf(&log, "%+v", r.run())
	r.wantMail(box...)
	r.ledger.Close()
	files, err := filepath.Glob(filepath.Join(r.state, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			log.Write(b)
		}
	}
	r.open()
	text := strings.ToLower(log.String())
	for _, form := range []string{strings.ToLower(pw), strings.ToLower(pw)[:8], strings.ToLower(base64.StdEncoding.EncodeToString([]byte(pw)))[:12]} {
		if strings.Contains(text, form) {
			t.Errorf("%q is in the ledger, the log or the report", form)
		}
	}
}

// A server that is down is not asked twice in each pass whether it expects TLS.
func TestDiagnoses(t *testing.T) {
	var looked []int
	for n := range 20 {
		a := health.Account{Facts: health.Facts{Hold: &health.Hold{Why: health.WaitBackoff, N: n}}}
		if a.Diagnoses() {
			looked = append(looked, n+1)
		}
	}
	if want := []int{1, 2, 4, 8, 16}; !slices.Equal(looked, want) {
		t.Errorf("passes %v, want %v", looked, want)
	}
	if a := (&health.Account{Facts: health.Facts{Hold: &health.Hold{Why: health.WaitFault, N: 2}}}); !a.Diagnoses() {
		t.Error("what was found once is looked at again")
	}
}
