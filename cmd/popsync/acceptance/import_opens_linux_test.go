//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/crash"
	"github.com/popsync/popsync/pop3/pop3test"
)

// TestImportOpens watches the system calls of imports: of a person's home they open the files that are named, their folders, and what
// is popsync's own; they run nothing, whatever the files name.
func TestImportOpens(t *testing.T) {
	_, addr := serve(t, pop3test.Options{}, boxOf(letters(0, 2)))
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail")
	for name, text := range map[string]string{
		".netrc":        "machine h login u password p\n",
		".fetchids":     "u@127.0.0.1 0000000000.uid\nu@127.0.0.1 0000000001.uid\n",
		".fetchmailrc":  "set idfile \"" + h.dir + "/.fetchids\"\npoll h proto pop3 user u is v here options ssl preconnect 'touch " + h.dir + "/ran' mda '/bin/touch " + h.dir + "/ran'\n",
		".mpoprc":       "account a\nhost h\nuser u\npasswordeval touch " + h.dir + "/ran\neval touch " + h.dir + "/ran\ntls_trust_file " + h.dir + "/ca\nuidls_file " + h.dir + "/.fetchids\n",
		"getmailrc":     "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = h\nusername = u\npassword_command = (\"/bin/touch\", \"" + h.dir + "/ran\")\n[destination]\ntype = MDA_external\npath = /bin/touch\n",
		".fdm.conf":     "$x = $(touch " + h.dir + "/ran)\ninclude \"" + h.dir + "/.netrc\"\naccount \"a\" pop3 pipe \"touch " + h.dir + "/ran\" user \"u\" pass \"$(touch " + h.dir + "/ran)\" new-only cache \"" + h.dir + "/.fetchids\"\n",
		"prefs.js":      "user_pref(\"mail.accountmanager.accounts\", \"account1\");\nuser_pref(\"mail.account.account1.server\", \"server1\");\nuser_pref(\"mail.server.server1.type\", \"pop3\");\nuser_pref(\"mail.server.server1.hostname\", \"h\");\nuser_pref(\"mail.server.server1.directory\", \"" + h.dir + "/Mail\");\n",
		"ca":            "",
		"popstate.dat":  "",
		".getmail/some": "",
	} {
		file := filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		code        int
		tool, state string // either of them is the file
		file        string
	}{
		{78, "fetchmail", "", ".fetchmailrc"},
		{78, "mpop", "", ".mpoprc"},
		{0, "getmail", "", "getmailrc"},
		{78, "fdm", "", ".fdm.conf"},
		{78, "thunderbird", "", "prefs.js"},
		{0, "fetchmail", ".fetchids", ""},
	} {
		args := []string{"import", c.tool, filepath.Join(h.dir, c.file)}
		named := filepath.Join(h.dir, c.file+c.state)
		if c.state != "" {
			args = []string{"import", c.tool, "--state", named, "--into", "a"}
		}
		cmd := h.command(args...)
		cmd.Env = append(cmd.Env, "HOME="+h.dir)
		cmd.Dir = h.dir
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		var opened, run []string
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		r, err := crash.RunPaths(ctx, cmd, func(call crash.Call) crash.Action {
			switch call.Name {
			case "open", "openat":
				opened = append(opened, call.Path)
			case "exec":
				run = append(run, call.Path)
			}
			return crash.Proceed
		})
		stop()
		if err != nil || r.Code != c.code {
			t.Errorf("%v: exit code %d, want %d, %v\n%s", args, r.Code, c.code, err, out.String())
		}
		if len(run) > 0 {
			t.Errorf("%v runs %q", args, run)
		}
		if !slices.Contains(opened, named) {
			t.Errorf("%v is not seen to open its file, but %q", args, opened)
		}
		for _, p := range opened {
			below, inside := strings.CutPrefix(p, h.dir+"/")
			own := c.state != "" && (below == "config.toml" || strings.HasPrefix(below, "state"))
			if inside && p != named && !own {
				t.Errorf("%v opens %s", args, p)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(h.dir, "ran")); err == nil {
		t.Error("something was run")
	}
}
