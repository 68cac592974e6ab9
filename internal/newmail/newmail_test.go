package newmail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher"
)

// script is a program of the user's, which appends what it prints to a file.
func script(t *testing.T, text string) (path, out string) {
	t.Helper()
	dir := t.TempDir()
	path, out = filepath.Join(dir, "tell"), filepath.Join(dir, "out")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n{ "+text+"; } >>"+out+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path, out
}

func TestCommand(t *testing.T) {
	t.Setenv("POPSYNC_TEST_SECRET", "hush")
	path, out := script(t, `echo "$*"; env | grep ^POPSYNC_ | sort`)
	run, err := Command([]string{path, "of {account}", "{new}", "{id}"}, "work", "/mail/work")
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), fetcher.Report{Account: "work", New: 2, Bytes: 300, Settled: 5}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := "of work 2 {id}\nPOPSYNC_ACCOUNT=work\nPOPSYNC_NEW=2\nPOPSYNC_PATH=/mail/work\nPOPSYNC_SETTLED=5\nPOPSYNC_SIZE=300\n"
	if string(text) != want {
		t.Errorf("%q, want %q", text, want)
	}
}

func TestNone(t *testing.T) {
	if run, err := Command(nil, "work", ""); run != nil || err != nil {
		t.Errorf("%v", err)
	}
	if _, err := Command([]string{"tell"}, "work", ""); err == nil {
		t.Error("a program without a folder was taken")
	}
}

// What fails says why; a program that others can change is not run.
func TestFails(t *testing.T) {
	path, out := script(t, "echo ran; echo no index >&2; exit 3")
	run, err := Command([]string{path}, "work", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), fetcher.Report{}); err == nil || !strings.Contains(err.Error(), "exit status 3: no index") {
		t.Errorf("%v", err)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), fetcher.Report{}); err == nil || !strings.Contains(err.Error(), "others can write") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("it was run all the same")
	}
}
