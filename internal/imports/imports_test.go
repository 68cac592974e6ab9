package imports

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what comes out as what is wanted")

var samples = []struct {
	tool Tool
	file string
}{{Fetchmail, "fetchmailrc"}, {Mpop, "mpoprc"}, {Getmail, "getmailrc"}, {Fdm, "fdm.conf"}, {Thunderbird, "prefs.js"}}

// written is what people see of a file: the configuration and each remark.
func written(t *testing.T, tool Tool, data []byte) (config, remarks string) {
	t.Helper()
	found, err := Config(tool, data)
	if err != nil {
		t.Fatal(err)
	}
	found.Name()
	var b, r bytes.Buffer
	say := func(name string, list []Remark) {
		for _, e := range list {
			fmt.Fprintf(&r, "%s %d %s: %s: %s\n", name, e.Line, e.Key, e.Kind, e.Why)
		}
	}
	say("-", found.Remarks)
	for i := range found.Accounts {
		a := &found.Accounts[i]
		if err := a.Write(&b, func(*Account, int) string { return "" }); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n")
		say(a.Name, a.Remarks)
	}
	return b.String(), r.String()
}

// Each sample comes out as it was read by a person.
func TestSamples(t *testing.T) {
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", s.file))
			if err != nil {
				t.Fatal(err)
			}
			config, remarks := written(t, s.tool, data)
			got, golden := config+"\n"+remarks, filepath.Join("testdata", s.file+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s became\n%s\nwant\n%s", s.file, got, want)
			}
		})
	}
}

// The same file, read by us and by fetchmail itself, becomes the same configuration.
func TestDumpAgrees(t *testing.T) {
	rc, err := os.ReadFile("testdata/fetchmailrc")
	if err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile("testdata/fetchmail-configdump")
	if err != nil {
		t.Fatal(err)
	}
	ours, _ := written(t, Fetchmail, rc)
	theirs, _ := written(t, Fetchmail, dump)
	if ours != theirs {
		t.Errorf("our reading:\n%s\nfetchmail's:\n%s", ours, theirs)
	}
}

// No password of a sample is in what people see.
func TestNoSecretShown(t *testing.T) {
	for _, s := range samples {
		data, err := os.ReadFile(filepath.Join("testdata", s.file))
		if err != nil {
			t.Fatal(err)
		}
		found, err := Config(s.tool, data)
		if err != nil {
			t.Fatal(err)
		}
		config, remarks := written(t, s.tool, data)
		for _, a := range found.Accounts {
			if a.Secret != "" && len(a.Secret) > 4 && strings.Contains(config+remarks, a.Secret) {
				t.Errorf("%s: the password of %s is shown", s.file, a.Name)
			}
		}
	}
}

// fetchmail as it is installed reads each of our samples of its configuration as we do. It looks at nothing but the file, and runs
// nothing that the file names.
func TestFetchmailAgrees(t *testing.T) {
	program, err := exec.LookPath("fetchmail")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("NOT COMPARED WITH FETCHMAIL: ", err)
	}
	sample, err := os.ReadFile("testdata/fetchmailrc")
	if err != nil {
		t.Fatal(err)
	}
	for name, rc := range map[string]string{
		"sample":   string(sample),
		"short":    "poll pop.example.org proto pop3 user \"anna\" there with password \"x y\" is anna here ssl keep\n",
		"defaults": "defaults proto pop3 keep ssl\nset postmaster \"root\"\npoll a.example user u1 pass p1 is me here fetchlimit 10\npoll b.example user u2 pass p2 is me here nokeep sslproto 'tls1.2+'\n",
		"users":    "poll pop.example.org with proto pop3 port 995\n  user 'anna' there with password 'p\\\"q' is anna here options ssl flush\n  user 'bert' there with password \"r's\" is bert here smtphost 'localhost/2525' ssl\n",
		"skip":     "skip old.example proto pop3 user u pass p is me here ssl\npoll new.example via mail.example.net proto pop3 uidl user u pass p is me here ssl sslcertck\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "rc")
			if err := os.WriteFile(file, []byte(rc), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, "--configdump", "-f", file)
			cmd.Env, cmd.Dir = []string{"HOME=" + dir, "FETCHMAILHOME=" + dir, "USER=me", "LOGNAME=me"}, dir
			dump, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, dump)
			}
			ours, _ := written(t, Fetchmail, []byte(rc))
			theirs, _ := written(t, Fetchmail, dump)
			if ours != theirs {
				t.Errorf("our reading:\n%s\nfetchmail's:\n%s\nof\n%s", ours, theirs, dump)
			}
		})
	}
}
