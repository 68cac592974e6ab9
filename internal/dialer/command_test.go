package dialer

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func failing(context.Context) (string, error) { return "", errors.New("no such file") }

// script writes a program of the shell's.
func script(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "connect")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCommand(t *testing.T) {
	args := filepath.Join(t.TempDir(), "args")
	running := 0
	d := mustNew(t, Options{
		Command: []string{script(t, `echo "$@" >`+args+`; printf '+OK hello\r\n'; exec cat`), "-W", "{host}:{port}", secretWord},
		Running: func(int) func() { running++; return func() { running-- } },
	})
	conn, err := d.Mail(t.Context(), "tcp", "pop.example.org:110")
	if err != nil {
		t.Fatal(err)
	}
	greeted(t, conn, nil)
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if b, err := os.ReadFile(args); string(b) != "-W pop.example.org:110 "+secretWord+"\n" {
		t.Errorf("%q, %v", b, err)
	}
	if way := d.Way("pop.example.org:110"); !strings.HasPrefix(way, "through connect_command /") || strings.Contains(way, secretWord) {
		t.Error(way)
	}
	if running != 0 {
		t.Errorf("%d programs run", running)
	}
	// Only mail goes through it.
	s := newTarget(t)
	conn, err = d.DialContext(t.Context(), "tcp", s.addr)
	greeted(t, conn, err)
}

func TestCommandFails(t *testing.T) {
	open := func(args ...string) (net.Conn, error) {
		return mustNew(t, Options{Command: append(args, secretWord)}).Mail(t.Context(), "tcp", "pop.example.org:110")
	}
	_, err := open("no-such-program-here")
	faultIs(t, err, NoProgram, "connect_command no-such-program-here cannot be run: program not found")
	_, err = open(filepath.Join(t.TempDir(), "nothing"))
	faultIs(t, err, NoProgram, "cannot be run")
	loose := script(t, "")
	if err := os.Chmod(loose, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err = open(loose)
	faultIs(t, err, NoProgram, "cannot be run")

	read := func(text string) (string, error) {
		conn, err := open(script(t, text))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		b, err := io.ReadAll(conn)
		return string(b), err
	}
	_, err = read(`echo "ssh: host unknown` + "\x1b[2J" + `" >&2; exit 255`)
	faultIs(t, err, Ended, "ssh: host unknown")
	if e := err.(*Error); e.Lasting() || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%+v %q", e, err)
	}
	// What comes when a login may be under way may hold it.
	said, err := read(`echo "+OK hello"; echo "I was told ` + secretWord + `" >&2; exit 3`)
	faultIs(t, err, Ended, "ended")
	if said != "+OK hello\n" {
		t.Errorf("%q", said)
	}
	if said, err = read(`echo "+OK bye"`); said != "+OK bye\n" || err != nil {
		t.Errorf("a good end: %q, %v", said, err)
	}
}

func TestCommandDeadline(t *testing.T) {
	conn, err := mustNew(t, Options{Command: []string{script(t, "exec sleep 1000")}}).Mail(t.Context(), "tcp", "h:1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	if _, err := conn.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	if conn.LocalAddr().Network() == "" || conn.RemoteAddr().String() == "" {
		t.Error("no address")
	}
}
