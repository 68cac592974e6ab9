package movein

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/imports"
)

var pair = regexp.MustCompile("(?s)```([a-z]+)\n([^`]*)```\n\nbecomes:\n\n```toml\n(.*?)```")

// What the page about other fetchers shows is what comes out.
func TestComingFrom(t *testing.T) {
	page, err := os.ReadFile("../../docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	pairs := pair.FindAllStringSubmatch(string(page), -1)
	if len(pairs) != len(imports.Tools()) {
		t.Fatalf("%d pairs", len(pairs))
	}
	for _, p := range pairs {
		file := filepath.Join(t.TempDir(), "old")
		if err := os.WriteFile(file, []byte(p[2]), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		err := Import(&console.Console{Out: &out, Err: &errs}, imports.Tool(p[1]), []string{file}, "")
		if out.String() != p[3] {
			t.Errorf("%s becomes\n%s\nthe page says\n%s", p[1], out.String(), p[3])
		}
		if undecided := strings.Contains(errs.String(), "to be decided"); undecided != (exit.CodeOf(err) == exit.Config) {
			t.Errorf("%s: %v\n%s", p[1], err, errs.String())
		}
	}
}

// Accounts and passwords are written for their owner alone, once, and not over anything.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, folder := filepath.Join(dir, "rc"), filepath.Join(dir, "accounts.d")
	rc := "poll pop.example.net proto pop3 user anna pass 'secret word' is anna here options ssl keep\n"
	if err := os.WriteFile(file, []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	c := &console.Console{Out: &out, Err: &errs}
	if err := Import(c, imports.Fetchmail, []string{file}, folder); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String()+errs.String(), "secret word") {
		t.Error("the password is shown")
	}
	for name, want := range map[string]string{"pop.example.net.password": "secret word\n", "pop.example.net.toml": "password_file = \"" + filepath.Join(folder, "pop.example.net.password") + "\""} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if err := Import(c, imports.Fetchmail, []string{file}, folder); exit.CodeOf(err) != exit.Config {
		t.Errorf("a second time: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "pop.example.net.password")); err != nil {
		t.Fatal(err)
	}
	if err := Import(c, imports.Fetchmail, []string{file}, folder); exit.CodeOf(err) != exit.Config {
		t.Errorf("beside the account: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "pop.example.net.password")); err == nil {
		t.Error("a password was written, and the account was not")
	}
}

// What is wrong is told with the file and the line.
func TestWrong(t *testing.T) {
	dir := t.TempDir()
	for tool, text := range map[imports.Tool]string{
		"mutt": "x", imports.Mpop: "host h\n", imports.Fetchmail: "poll\n", imports.Getmail: "[x]\n", imports.Fdm: "\"", imports.Thunderbird: "x",
	} {
		file := filepath.Join(dir, string(tool))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		err := Import(&console.Console{Out: &out, Err: &errs}, tool, []string{file}, "")
		want := exit.Config
		if tool == "mutt" {
			want = exit.Usage
		}
		if exit.CodeOf(err) != want || out.Len() > 0 {
			t.Errorf("%s: %v, %q", tool, err, out.String())
		}
	}
}

// Of several files one that makes no sense is left out, and said; alone it is an error.
func TestOneFileIsWrong(t *testing.T) {
	dir := t.TempDir()
	good, wrong := filepath.Join(dir, "good"), filepath.Join(dir, "wrong")
	for file, text := range map[string]string{
		good:  "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = h\nusername = u\npassword = p\n[destination]\ntype = Maildir\npath = /m/\n",
		wrong: "[retriever]\nhello\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, files := range [][]string{{good, wrong}, {wrong, good}, {wrong}, {wrong, wrong}} {
		var out, errs bytes.Buffer
		err := Import(&console.Console{Out: &out, Err: &errs}, imports.Getmail, files, "")
		if exit.CodeOf(err) != exit.Config {
			t.Errorf("%q: %v", files, err)
		}
		if one := strings.Contains(out.String(), `host = "h"`); one != (len(files) == 2 && files[0] != files[1]) || one && !strings.Contains(errs.String(), "left out: neither a section") {
			t.Errorf("%q:\n%s%s", files, out.String(), errs.String())
		}
	}
}
