package command

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
)

// folder returns a folder that nobody else can write to, whatever the umask is.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// script writes a shell script and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(folder(t), "mda")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o600))
	must(t, os.Chmod(path, 0o700))
	return path
}

// sender runs a script with its arguments.
func sender(t *testing.T, o Options) *Sender {
	t.Helper()
	s, err := New(o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func outgoing(text string) deliver.Outgoing {
	return deliver.Outgoing{
		Message: deliver.Message{Account: "work", UID: "u1", Size: int64(len(text))},
		ID:      "0123abcd",
		Body:    strings.NewReader(text),
		Octets:  int64(len(text)),
	}
}

const hello = "From: Jo <jo@a.example>\r\nSubject: hi\r\n\r\nbody\r\n"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

// fails sends and returns what went wrong.
func fails(t *testing.T, s *Sender, m deliver.Outgoing) *deliver.Error {
	t.Helper()
	err := s.Send(context.Background(), m)
	return asError(t, err)
}

func asError(t *testing.T, err error) *deliver.Error {
	t.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *deliver.Error", err)
	}
	if strings.ContainsFunc(e.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("not printable: %q", e.Error())
	}
	return e
}

// gone tells whether the process ends; after SIGKILL that takes a moment.
func gone(pid string) bool {
	for range 6000 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") { // nobody may be there to wait for an orphan
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// broken gives a text and then fails.
type broken struct {
	io.ReadSeeker
	err error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.ReadSeeker.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}
