package imports

import (
	"bytes"
	"flag"
	"fmt"
	"os"
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
