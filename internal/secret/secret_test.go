package secret

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const marker = "hunter2-MARKER"

func write(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// assert compares a result; want "" and an error text, or the secret and "".
func assert(t *testing.T, s Source, want, wantErr string) *Error {
	t.Helper()
	got, err := s.Get(t.Context())
	if got != want || (err != nil) != (wantErr != "") || err != nil && !strings.Contains(err.Error(), wantErr) {
		t.Errorf("got %q, %v; want %q, %s", got, err, want, wantErr)
	}
	var e *Error
	if err != nil {
		if !errors.As(err, &e) {
			t.Errorf("%T", err)
		} else if all := e.Error() + e.Hint; strings.Contains(all, marker[:6]) {
			t.Errorf("the secret is shown: %s", all)
		}
	}
	return e
}

func TestFile(t *testing.T) {
	for _, tt := range []struct{ text, want, err string }{
		{marker, marker, ""},
		{marker + "\n", marker, ""},
		{marker + "\r\n", marker, ""},
		{" " + marker + " \n", " " + marker + " ", ""},
		{marker + "\r", "", "more than one line"},
		{marker + "\n\n", "", "more than one line"},
		{marker + "\n" + marker, "", "more than one line"},
		{marker + "\x00", "", "holds a NUL"},
		{"\n", "", "empty"},
		{"", "", "empty"},
		{strings.Repeat("x", maxSize), strings.Repeat("x", maxSize), ""},
		{strings.Repeat("x", maxSize+1), "", "larger than 65536 bytes"},
	} {
		path := write(t, tt.text, 0o600)
		assert(t, Source{File: path}, tt.want, tt.err)
		assert(t, Source{Credential: path}, tt.want, tt.err)
	}
}

func TestFileMustBePrivate(t *testing.T) {
	for mode, ok := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o601: false} {
		path := write(t, marker, mode)
		if ok {
			assert(t, Source{File: path}, marker, "")
			continue
		}
		if e := assert(t, Source{File: path}, "", "others may open it"); e != nil && e.Hint != "chmod 600 "+path {
			t.Errorf("hint %q", e.Hint)
		}
		assert(t, Source{Credential: path}, marker, "") // systemd's business
	}
	for _, tt := range []struct {
		owner, user uint32
		ok          bool
	}{{1000, 1000, true}, {0, 1000, true}, {1001, 1000, false}, {1000, 0, false}} {
		if _, err := trust("f", 0o600, tt.owner, tt.user, true, false); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// What a container's secrets are may be read by everybody inside, and changed by nobody.
func TestProvidedFile(t *testing.T) {
	for _, tt := range []struct {
		mode        fs.FileMode
		owner, user uint32
		provided    bool
		ok          bool
	}{
		{0o444, 0, 1000, true, true},
		{0o444, 1000, 1000, true, true},
		{0o644, 0, 0, true, true},
		{0o444, 0, 1000, false, false},
		{0o664, 0, 1000, true, false},
		{0o446, 0, 1000, true, false},
		{0o444, 1001, 1000, true, false},
	} {
		if _, err := trust("f", tt.mode, tt.owner, tt.user, true, tt.provided); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	f, err := os.Open(write(t, marker, 0o444))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for path, want := range map[string]bool{
		"/run/secrets/work": true, "/run/secrets/a/work": true, "/run/secrets/../work": false, "/run/secrets-not/work": false,
		"/home/me/work": false,
	} {
		if got := provided(path, f); got != want {
			t.Errorf("%s is provided: %t", path, got)
		}
	}
}

// Containers give secrets the mode 0444. In a folder that is closed to others nobody comes to them, unless by another name.
func TestFileInClosedFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(marker+"\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		folder, file fs.FileMode
		ok           bool
	}{
		{0o700, 0o444, true}, {0o500, 0o444, true}, {0o700, 0o600, true},
		{0o700, 0o446, false}, {0o700, 0o464, false}, {0o710, 0o444, false}, {0o701, 0o444, false}, {0o755, 0o444, false}, {0o755, 0o600, true},
	} {
		if err := errors.Join(os.Chmod(dir, tt.folder), os.Chmod(file, tt.file)); err != nil {
			t.Fatal(err)
		}
		if got, err := (Source{File: file}).Get(t.Context()); (err == nil) != tt.ok || tt.ok && got != marker {
			t.Errorf("%04o in a folder %04o: %v", tt.file, tt.folder, err)
		}
	}
	if err := errors.Join(os.Chmod(dir, 0o700), os.Chmod(file, 0o444), os.Link(file, filepath.Join(t.TempDir(), "other"))); err != nil {
		t.Fatal(err)
	}
	if _, err := (Source{File: file}).Get(t.Context()); err == nil {
		t.Error("it has another name, in a folder that may be open")
	}
}

func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	assert(t, Source{File: fifo}, "", "not a regular file")
	assert(t, Source{File: dir}, "", "not a regular file")
	e := assert(t, Source{File: dir + "/none"}, "", `password_file "`+dir+`/none": no such file or directory`)
	if !errors.Is(e, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}

func TestLiteralAndPrompt(t *testing.T) {
	assert(t, Source{Literal: func() string { return marker }}, marker, "")
	assert(t, Source{Literal: func() string { return "" }}, "", "password: the secret is empty")
	ask := func(v string, err error) Source {
		return Source{Prompt: func(context.Context) (string, error) { return v, err }}
	}
	assert(t, ask(marker, nil), marker, "")
	assert(t, ask("", nil), "", "prompt: the secret is empty")
	assert(t, ask("", errors.New("no terminal")), "", "prompt: no terminal")
	assert(t, Source{}, "", "not exactly one source")
	assert(t, Source{File: "/a", Command: []string{"b"}}, "", "not exactly one source")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(marker, nil).Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

func TestIdentity(t *testing.T) {
	path := write(t, marker, 0o600)
	literal := func() string { return marker }
	sources := []Source{
		{Literal: literal, Origin: path}, {File: path}, {Credential: path}, {File: path + ".none"},
		{Command: []string{"echo", marker}}, {Command: []string{"echo", "x"}}, {Command: []string{"echo x"}},
		{Prompt: func(context.Context) (string, error) { return "", nil }}, {},
	}
	seen := map[string]bool{}
	var before []string
	for _, s := range sources {
		id := s.Identity()
		if id != s.Identity() || seen[id] || strings.Contains(id, marker[:6]) {
			t.Errorf("%q", id)
		}
		seen[id] = true
		before = append(before, id)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	for i, s := range sources {
		if changed := s.Identity() != before[i]; changed != (i == 1 || i == 2) {
			t.Errorf("%q: changed %v", before[i], changed)
		}
	}
}

// Nobody else may be able to put another file, or another program, in the place of the one that is named.
func TestWhatOthersCanReplace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file, program := filepath.Join(dir, "secret"), filepath.Join(dir, "program")
	if err := errors.Join(os.WriteFile(file, []byte(marker), 0o600), os.WriteFile(program, []byte("#!/bin/sh\necho "+marker+"\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	sources := []Source{{File: file}, {Credential: file}, {Command: []string{program}}, {Command: []string{"program"}}}
	for _, s := range sources {
		assert(t, s, marker, "")
	}
	if err := os.Chmod(dir, 0o757); err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		if e := assert(t, s, "", "others can write to "+dir); e != nil && e.Hint != "chmod o-w "+dir {
			t.Errorf("hint %q", e.Hint)
		}
	}
	if err := errors.Join(os.Chmod(dir, 0o700), os.Chmod(program, 0o702)); err != nil {
		t.Fatal(err)
	}
	assert(t, sources[2], "", "can't be run: others can write to "+program)
}
