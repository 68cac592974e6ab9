package firstconfig

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
)

// It is written for its owner alone, in a folder that is made for it, once, and the next command is said.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	own, machine := filepath.Join(dir, "new", "popsync", "config.toml"), filepath.Join(dir, "etc", "config.toml")
	search := []string{own, machine}
	write := func(file string) (string, error) {
		var out, errs bytes.Buffer
		err := Write(&console.Console{Out: &out, Err: &errs}, file, search)
		return strings.ReplaceAll(out.String()+errs.String(), dir, "DIR"), err
	}
	for _, tt := range []struct{ file, says string }{
		{machine, "wrote DIR/etc/config.toml, which only you can read\nNext step: write your account into it, then say: popsync check\nOr have it found and written: popsync setup ADDRESS\n"},
		{own, "wrote DIR/new/popsync/config.toml, which only you can read\nFrom now on it is read when you say popsync, and DIR/etc/config.toml is not.\n" +
			"Next step: write your account into it, then say: popsync check\nOr have it found and written: popsync setup ADDRESS\n"},
		{filepath.Join(dir, "an other.toml"), "wrote DIR/an other.toml, which only you can read\n" +
			"Next step: write your account into it, then say: popsync --config 'DIR/an other.toml' check\nOr have it found and written: popsync --config 'DIR/an other.toml' setup ADDRESS\n"},
	} {
		if says, err := write(tt.file); err != nil || says != tt.says {
			t.Errorf("%v\n%s\nwant\n%s", err, says, tt.says)
		}
		if b, err := os.ReadFile(tt.file); err != nil || string(b) != Text {
			t.Errorf("%s: %q, %v", tt.file, b, err)
		}
		if info, err := os.Stat(tt.file); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", tt.file, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Dir(own)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}

	// Nothing is written over: neither a file nor a link, wherever it leads.
	link := filepath.Join(dir, "link.toml")
	if err := os.Symlink("gone", link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{own, link, dir} {
		says, err := write(file)
		if exit.CodeOf(err) != exit.Config || !strings.Contains(err.Error(), "exists already") || says != "" {
			t.Errorf("%s: %v, %s", file, err, says)
		}
	}
	if b, err := os.ReadFile(own); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "gone")); err == nil {
		t.Error("written through a link")
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 4 {
		t.Errorf("%v, %v", names, err)
	}

	// Where others could change it, it would be refused.
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o757); err != nil {
		t.Fatal(err)
	}
	if _, err := write(filepath.Join(open, "config.toml")); exit.CodeOf(err) != exit.Config || !strings.Contains(err.Error(), "chmod o-w") {
		t.Errorf("in a folder of everybody: %v", err)
	}
}
