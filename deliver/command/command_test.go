package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
)

func TestOctets(t *testing.T) {
	random := make([]byte, 8<<20)
	chacha := rand.NewChaCha8([32]byte{1})
	_, _ = chacha.Read(random)
	lines := strings.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz .\r\n", 8<<20/41)
	bodies := map[string]string{
		"empty":            "",
		"plain":            hello,
		"no final newline": hello + "end",
		"dots":             hello + ".\r\n..\r\n.x\r\n\r\n.\r\n",
		"NUL":              hello + "a\x00b\x00",
		"8-bit":            hello + "\xe9\xff\xc3\xa9\r\n",
		"odd line ends":    "\r\r\n\n\r\n\r \n\r\r",
		"CR at an edge":    strings.Repeat("x", 64<<10-1) + "\rx" + strings.Repeat("x", 64<<10-2) + "\r\nx",
		"lines, 8 MiB":     lines,
		"random, 8 MiB":    string(random),
	}
	for name, body := range bodies {
		for _, ends := range []string{"", LF, CRLF} {
			t.Run(name+" "+ends, func(t *testing.T) {
				path := script(t, `cat >"$1"`)
				out := filepath.Join(filepath.Dir(path), "out")
				s := sender(t, Options{Args: []string{path, out}, LineEnds: ends})
				must(t, s.Send(context.Background(), outgoing(body)))
				want := body
				if ends != CRLF {
					want = strings.ReplaceAll(body, "\r\n", "\n")
				}
				if got := read(t, out); got != want {
					t.Errorf("%d octets arrived, not the %d that were expected", len(got), len(want))
				}
			})
		}
	}
}

// A body that was read before, for another try, is sent from its start.
func TestBodyFromItsStart(t *testing.T) {
	path := script(t, `cat >"$1"`)
	out := filepath.Join(filepath.Dir(path), "out")
	s := sender(t, Options{Args: []string{path, out}})
	m := outgoing(hello)
	for range 2 {
		must(t, s.Send(context.Background(), m))
		if got := read(t, out); got != strings.ReplaceAll(hello, "\r\n", "\n") {
			t.Errorf("got %q", got)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("POPSYNC_SECRET", "x")
	t.Setenv("LD_PRELOAD", "")
	t.Setenv("TZ", "Europe/Vienna")
	path := script(t, `env -0 >"$1"; pwd >"$1.dir"`)
	out := filepath.Join(filepath.Dir(path), "out")
	s := sender(t, Options{Args: []string{path, out}})
	m := outgoing(hello)
	m.UID = "a b\\\x00\n\xff~"
	must(t, s.Send(context.Background(), m))
	me, err := user.Current()
	must(t, err)
	want := []string{
		"HOME=" + me.HomeDir, "LANG=C.UTF-8", "LOGNAME=" + me.Username, "PATH=/usr/local/bin:/usr/bin:/bin",
		"POPSYNC_ACCOUNT=work", "POPSYNC_DELIVERY_ID=0123abcd", "POPSYNC_SENDER=jo@a.example",
		fmt.Sprintf("POPSYNC_SIZE=%d", len(hello)), `POPSYNC_UID=a\x20b\x5C\x00\x0A\xFF~`,
		"TZ=Europe/Vienna", "USER=" + me.Username,
	}
	got := strings.Split(strings.TrimSuffix(read(t, out), "\x00"), "\x00")
	got = slices.DeleteFunc(got, func(v string) bool { // the shell's own
		return strings.HasPrefix(v, "PWD=") || strings.HasPrefix(v, "OLDPWD=") || strings.HasPrefix(v, "_=") || strings.HasPrefix(v, "SHLVL=")
	})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if dir := read(t, out+".dir"); dir != "/\n" {
		t.Errorf("it ran in %q", dir)
	}
}

func TestArguments(t *testing.T) {
	evil := `$(id)'"; rm -rf *`
	args := []string{"{sender}", "-f{sender}", "<{id}|{account}>", "{Sender}{x}{", evil, ""}
	for from, want := range map[string]string{
		"From: Jo <jo@a.example>":        "jo@a.example",
		"From: -oQ@a.example":            "",
		"Return-Path: <>\r\nFrom: a@b.c": "",
		"From: {id}@{account}.example":   "",
		"From: {id}@a.example":           "{id}@a.example",
	} {
		path := script(t, `out=$1; shift; printf '%s\0' "$0" "$@" >"$out"`)
		out := filepath.Join(filepath.Dir(path), "out")
		s := sender(t, Options{Args: append([]string{path, out}, args...)})
		must(t, s.Send(context.Background(), outgoing(from+"\r\n\r\n")))
		got := strings.Split(strings.TrimSuffix(read(t, out), "\x00"), "\x00")
		if exp := []string{path, want, "-f" + want, "<0123abcd|work>", "{Sender}{x}{", evil, ""}; !slices.Equal(got, exp) {
			t.Errorf("%s\ngot  %q\nwant %q", from, got, exp)
		}
	}
}

func TestParallel(t *testing.T) {
	const n = 4
	// Each waits until all have come: one after the other would never end.
	path := script(t, `cat >"$1/$2.msg"; while [ "$(ls "$1" | grep -c msg)" -lt 4 ]; do sleep 0.01; done`)
	dir := filepath.Dir(path)
	s := sender(t, Options{Args: []string{path, dir, "{id}"}, Parallel: n, Timeout: time.Minute})
	if s.Lanes() != n || s.Place() != path {
		t.Errorf("%d lanes at %s", s.Lanes(), s.Place())
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			m := outgoing(hello + strings.Repeat("x", i))
			m.ID = fmt.Sprintf("id%d", i)
			if err := s.Send(context.Background(), m); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range n {
		if got := read(t, filepath.Join(dir, fmt.Sprintf("id%d.msg", i))); !strings.HasSuffix(got, "body\n"+strings.Repeat("x", i)) {
			t.Errorf("%d: %q", i, got)
		}
	}
}

// What is not known to be whole never starts the command, not even with a well-formed piece.
func TestFailingBody(t *testing.T) {
	for name, m := range map[string]deliver.Outgoing{
		"early":   {Octets: 9, Body: broken{strings.NewReader("a"), deliver.ErrDamaged}},
		"late":    {Octets: 300 << 10, Body: broken{strings.NewReader(strings.Repeat("a", 300<<10)), deliver.ErrDamaged}},
		"shorter": {Octets: int64(len(hello)) + 1, Body: strings.NewReader(hello)},
		"longer":  {Octets: int64(len(hello)) - 1, Body: strings.NewReader(hello)},
		"no seek": {Octets: 1, Body: unseekable{bytes.NewReader(nil)}},
	} {
		path := script(t, `cat >/dev/null; touch "$1"`)
		out := filepath.Join(filepath.Dir(path), "out")
		e := fails(t, sender(t, Options{Args: []string{path, out}}), m)
		if e.Scope != deliver.ThisMessage || e.Permanent || e.Uncertain {
			t.Errorf("%s: %+v", name, e)
		}
		if _, ok := m.Body.(broken); ok && !errors.Is(e, deliver.ErrDamaged) {
			t.Errorf("%s: the cause was lost: %v", name, e)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: the command saw an end", name)
		}
	}
}

type unseekable struct{ *bytes.Reader }

func (unseekable) Seek(int64, int) (int64, error) { return 0, deliver.ErrUnknown }

// Nothing is left in the folder for temporary files, and its failures are not the message's.
func TestTempDir(t *testing.T) {
	path, tmp := script(t, `cat >/dev/null`), folder(t)
	s := sender(t, Options{Args: []string{path}, TempDir: tmp})
	must(t, s.Send(context.Background(), outgoing(hello)))
	fails(t, s, deliver.Outgoing{Octets: 9, Body: broken{strings.NewReader("a"), deliver.ErrDamaged}})
	left, err := os.ReadDir(tmp)
	if must(t, err); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	must(t, os.Remove(tmp))
	if e := fails(t, s, outgoing(hello)); e.Scope != deliver.WholeTarget || e.Permanent || e.Hint == "" {
		t.Errorf("%+v", e)
	}
}

func TestTraceOnTop(t *testing.T) {
	now := time.Date(2026, 11, 24, 4, 5, 6, 0, time.FixedZone("", 3600))
	for ends, nl := range map[string]string{LF: "\n", CRLF: "\r\n"} {
		path := script(t, `cat >"$1"`)
		out := filepath.Join(filepath.Dir(path), "out")
		s := sender(t, Options{Args: []string{path, out}, LineEnds: ends, Trace: true, TraceBy: "mx.example", Now: func() time.Time { return now }})
		must(t, s.Send(context.Background(), outgoing(hello)))
		want := strings.Join([]string{"Received: from popsync", " (account work)", " by mx.example with POP3",
			" id 0123abcd;", " Tue, 24 Nov 2026 04:05:06 +0100", ""}, nl) + strings.ReplaceAll(hello, "\r\n", nl)
		if got := read(t, out); got != want {
			t.Errorf("%s: got %q", ends, got)
		}
	}
}

// A message that begins with a blank would continue our line.
func TestNoTraceBeforeBlank(t *testing.T) {
	for _, body := range []string{" x: y\r\n\r\n", "\tx", ""} {
		path := script(t, `cat >"$1"`)
		out := filepath.Join(filepath.Dir(path), "out")
		must(t, sender(t, Options{Args: []string{path, out}, LineEnds: CRLF, Trace: true}).Send(context.Background(), outgoing(body)))
		if got := read(t, out); !strings.HasSuffix(got, body) || strings.HasPrefix(got, "Received: ") != (body == "") {
			t.Errorf("%q", got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"nothing":           {},
		"relative":          {Args: []string{"cat"}},
		"NUL":               {Args: []string{"/bin/cat", "a\x00"}},
		"line ends":         {Args: []string{"/bin/cat"}, LineEnds: "cr"},
		"relative dir":      {Args: []string{"/bin/cat"}, Dir: "x"},
		"negative timeout":  {Args: []string{"/bin/cat"}, Timeout: -1},
		"negative parallel": {Args: []string{"/bin/cat"}, Parallel: -1},
	} {
		if s, err := New(o); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
	s, err := New(Options{Args: []string{"/bin/cat"}})
	if must(t, err); s.Lanes() != 1 || s.o.Timeout != 10*time.Minute || s.o.Dir != "/" || s.o.LineEnds != LF {
		t.Errorf("%+v", s.o)
	}
}
