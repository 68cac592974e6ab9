package acceptance_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// leaked looks for a secret of the provider's, or the client's, in a text: plain, and as base64 has it wherever it begins.
func leaked(text string) (found string) {
	forms := []string{oauthMarker, strings.ToLower(oauthMarker), strings.ToUpper(oauthMarker)}
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			b := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + oauthMarker))
			forms = append(forms, b[4:len(b)-4])
		}
	}
	for _, form := range forms {
		if i := strings.Index(text, form); i >= 0 {
			return text[max(0, i-80):min(len(text), i+80)]
		}
	}
	return ""
}

// dig goes through logins, refreshes and every way in which they fail, and gives where secrets were found in what popsync wrote, and
// in what it and its programs were started with.
func dig(t *testing.T, control string) (found []string) {
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Lenient, Long: 3000}, boxOf(mailgen.Messages(1, 3, 300, 500)))
	a.bin = program(t, control)
	seen := 0
	look := func(where, text string) {
		seen++
		if leak := leaked(text); leak != "" {
			found = append(found, fmt.Sprintf("%s: %q", where, leak))
		}
	}
	says := func(args ...string) {
		r := a.popsync(args...)
		look("popsync "+strings.Join(args, " "), r.out+r.err)
	}
	// A program keeps the tokens, and shows what it was started with.
	keeper, shown := filepath.Join(a.dir, "keeper"), filepath.Join(a.dir, "shown")
	script := "#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline /proc/$PPID/environ >>'" + shown + "'\n" +
		"case $1 in store) cat >'" + a.dir + "/kept.token' ;; get) cat '" + a.dir + "/kept.token' 2>/dev/null; true ;; erase) rm -f '" + a.dir + "/kept.token' ;; esac\n"
	if err := os.WriteFile(keeper, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := a.conf.String()
	a.conf.Reset()
	a.conf.WriteString(strings.Replace(strings.Replace(conf, `level = "warn"`, `level = "debug"`, 1), "[oauth.test]\n",
		fmt.Sprintf("[oauth.test]\ntoken_command = [%q]\n", keeper), 1))
	says("run", "work")
	login := func(flow string) {
		t.Helper()
		s := a.sit("login", "--flow", flow, "work")
		switch flow {
		case "device":
			s.sees("Waiting until")
			a.p.Approve("")
		case "paste":
			s.types(browse(t, s.sees(loginAddress)) + "\n")
		default:
			visit(t, s.sees(loginAddress))
		}
		<-s.ended
		look("login by "+flow, s.screen())
	}
	a.p.Fail(oauthtest.Fault{Status: 400, Error: "invalid_grant"})
	login("paste") // refused, with all that was sent in the answer
	a.p.Set(func(o *oauthtest.Options) { o.Email = "other@example.org" })
	login("loopback")
	a.p.Set(func(o *oauthtest.Options) { o.Email = ""; o.Granted = []string{oauthMarker} })
	login("device")
	a.p.Set(func(o *oauthtest.Options) { o.Email = mailboxName; o.Granted = nil })
	login("device")
	says("run", "work")
	for _, f := range []oauthtest.Fault{
		{Status: 503}, {Status: 400, Error: "invalid_grant", Detail: 700082}, {Status: 401, Error: "invalid_client"}, {Status: 200, Body: "<html>"},
		{Status: 302}, {CutAfter: true}, {Status: 400, Error: oauthMarker},
	} {
		// The token is old, and what is known of it forgotten: each fault is met by a refresh.
		a.p.Set(func(o *oauthtest.Options) { o.Life = 1 })
		a.p.Fail(f)
		a.age(t)
		says("run", "work")
		says("check")
		says("login", "--status")
	}
	a.age(t)
	says("run", "--trace", filepath.Join(a.dir, "trace"), "work") // all is well again
	d := a.daemon()
	for _, what := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", d.cmd.Process.Pid, what))
		if err != nil {
			t.Error(err)
		}
		look("the daemon's "+what, string(b))
	}
	login("loopback")
	d.says("login by OAuth stored")
	says("login", "--status")
	says("status", "--json")
	written := func() {
		a.written(func(where, text string) {
			if !strings.HasSuffix(where, ".token") {
				look(where, text)
			}
		})
	}
	says("backup", filepath.Join(a.dir, "backup"))
	d.stops(0)
	written()
	says("logout", "work")
	look("the daemon's log", strings.Join(d.lines(""), "\n"))
	for _, file := range []string{"shown", "backup", "trace"} {
		b, err := os.ReadFile(filepath.Join(a.dir, file))
		if err != nil || len(b) == 0 {
			t.Errorf("%s: %v", file, err)
		}
		look(file, string(b))
	}
	written()
	if seen < 40 || a.p.Counts().Requests < 12 {
		t.Errorf("%d places, %+v: nothing was tested", seen, a.p.Counts())
	}
	return found
}

// age makes the kept token one that has to be refreshed.
func (a *agency) age(t *testing.T) {
	t.Helper()
	file := filepath.Join(a.dir, "kept.token")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, key := range []string{`"expires":"`, `"got":"`} {
		if i := strings.Index(text, key); i >= 0 {
			i += len(key)
			text = text[:i] + "2001" + text[i+4:]
		}
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	states, err := filepath.Glob(filepath.Join(a.state(), "oauth", "*.state"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if err := os.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
}

// Access tokens, refresh tokens and the client's secret are in nothing that popsync wrote but the files of tokens, whatever fails;
// and builds that write one are noticed.
func TestOAuthNoSecretAnywhere(t *testing.T) {
	t.Parallel()
	for _, leak := range dig(t, "") {
		t.Error(leak)
	}
}

func TestOAuthSecretControls(t *testing.T) {
	t.Parallel()
	controls := []string{"token-in-base64"}
	if os.Getenv("POPSYNC_LARGE") != "" {
		controls = append(controls, "token-in-log", "token-in-argv", "answer-in-error")
	}
	t.Logf("%q; all four with POPSYNC_LARGE=1", controls)
	for _, control := range controls {
		found := dig(t, control)
		if len(found) == 0 {
			t.Errorf("%s was not noticed", control)
		}
		t.Logf("%s: %d places, such as %.200s", control, len(found), strings.Join(found, "\n"))
	}
}
