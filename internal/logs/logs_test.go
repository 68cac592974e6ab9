package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/screen"
)

func testFile(t *testing.T) (*file, string, *bytes.Buffer) {
	t.Helper()
	path, stderr := filepath.Join(t.TempDir(), "popsync.log"), &bytes.Buffer{}
	l, err := openFile(path, stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, path, stderr
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func put(t *testing.T, w io.Writer, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("Write of %q: %d, %v", line, n, err)
		}
	}
}

func TestLogFileIsRotated(t *testing.T) {
	l, path, stderr := testFile(t)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	put(t, l, "one\n")
	if err := os.Rename(path, path+".1"); err != nil { // as logrotate does
		t.Fatal(err)
	}
	put(t, l, "two\n") // still in the old one
	l.Reopen()
	put(t, l, "three\n")
	l.Reopen() // without a rotation: appended
	put(t, l, "four\n")
	l.Close()
	l.Reopen()
	put(t, l, "late\n")
	if a, b, c := text(t, path+".1"), text(t, path), stderr.String(); a != "one\ntwo\n" || b != "three\nfour\n" || c != "late\n" {
		t.Errorf("%q, %q, standard error %q", a, b, c)
	}
}

// No line is lost or torn while others write and the file is taken away all the time.
func TestLogFileLosesNothing(t *testing.T) {
	l, path, stderr := testFile(t)
	const writers, rotations = 4, 200
	var all sync.WaitGroup
	var wrote [writers]int
	stop := make(chan struct{})
	for w := range writers {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					fmt.Fprintf(l, "%d-%d\n", w, wrote[w])
					wrote[w]++
				}
			}
		})
	}
	for n := range rotations {
		if err := errors.Join(os.Link(path, fmt.Sprint(path, ".", n)), os.Remove(path)); err != nil {
			t.Error(err)
		}
		l.Reopen()
	}
	close(stop)
	all.Wait()
	seen := map[string]int{}
	files, _ := filepath.Glob(path + "*")
	for _, f := range files {
		for line := range strings.Lines(text(t, f)) {
			seen[line]++
		}
	}
	total := 0
	for w, lines := range wrote {
		total += lines
		for i := range lines {
			if line := fmt.Sprintf("%d-%d\n", w, i); seen[line] != 1 {
				t.Fatalf("%q is there %d times", line, seen[line])
			}
		}
	}
	if len(seen) != total || total == 0 || stderr.Len() > 0 {
		t.Errorf("%d lines of %d, standard error %q", len(seen), total, stderr)
	}
}

func TestLogFileThatCannotBeReopened(t *testing.T) {
	l, path, stderr := testFile(t)
	put(t, l, "one\n")
	dir := filepath.Dir(path)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	l.Reopen()
	put(t, l, "two\n")
	l.Reopen()
	put(t, l, "three\n")
	complaint := "popsync: log.file: open " + path + ": no such file or directory; its lines come here until it can be written again\n"
	if got := stderr.String(); got != complaint+"two\nthree\n" {
		t.Errorf("standard error: %q", got)
	}
	stderr.Reset()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, l, "four\n") // back by itself
	os.RemoveAll(dir)
	l.Reopen()
	if a := stderr.String(); a != complaint { // it was well in between, so it is told again
		t.Errorf("standard error: %q", a)
	}
}

// fullDisk takes some octets of each write.
type fullDisk struct {
	*bytes.Buffer
	room int
}

func (f *fullDisk) Close() error { return nil }
func (f *fullDisk) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	f.room -= n
	f.Buffer.Write(b[:n])
	if n < len(b) {
		return n, &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	return n, nil
}

func TestLogFileOnAFullDisk(t *testing.T) {
	l, _, stderr := testFile(t)
	disk := &fullDisk{&bytes.Buffer{}, 6}
	l.file = disk
	put(t, l, "one\n", "two\n", "three\n")
	disk.room = 100
	put(t, l, "four\n", "five\n")
	if got := disk.String(); got != "one\ntw\nfour\nfive\n" { // the piece has a line of its own
		t.Errorf("file: %q", got)
	}
	if got := stderr.String(); strings.Count(got, "no space left on device") != 1 || !strings.HasSuffix(got, "again\ntwo\nthree\n") {
		t.Errorf("standard error: %q", got)
	}
	stderr.Reset()
	disk.room = 0
	put(t, l, "six\n")
	if got := stderr.String(); strings.Count(got, "no space left on device") != 1 {
		t.Errorf("told before, but well in between: %q", got)
	}
}

func TestLogFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, os.DevNull, filepath.Join(dir, "none", "x")} {
		var b bytes.Buffer
		l, err := Open(&b, Options{Level: "info", Format: "auto", File: path})
		if l != nil || !strings.HasPrefix(err.Error(), "log.file: open "+path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The level and the file change under loggers that exist already.
func TestOpen(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "")
	path, stderr := filepath.Join(t.TempDir(), "log"), &bytes.Buffer{}
	l, err := Open(screen.Writer{W: stderr}, Options{Level: "warn", Format: "auto", File: path, Terminal: true})
	if err != nil {
		t.Fatal(err)
	}
	child := l.With(zap.String("account", "a"))
	child.Info("not yet")
	l.SetLevel("debug")
	child.Debug("now")
	os.Remove(path)
	l.Reopen()
	child.Debug("anew")
	var line struct{ Level, Time, Msg, Account string }
	if err := json.Unmarshal([]byte(text(t, path)), &line); err != nil || line.Level != "debug" || line.Msg != "anew" || line.Account != "a" || line.Time == "" {
		t.Errorf("%+v, %v", line, err)
	}
	l.Close()
	if stderr.Len() > 0 {
		t.Errorf("standard error: %q", stderr)
	}
	l, err = Open(screen.Writer{W: stderr}, Options{Level: "info", Format: "auto", Terminal: true}) // a terminal
	if err != nil {
		t.Fatal(err)
	}
	l.Reopen()
	l.Warn("here")
	l.Close()
	if !strings.Contains(stderr.String(), "here") || strings.Contains(stderr.String(), "{") {
		t.Errorf("standard error: %q", stderr)
	}
}

func TestJournalLines(t *testing.T) {
	for _, format := range []string{"auto", "json", "console"} {
		var b bytes.Buffer
		log := newLogger(&b, style{format: format, journal: true}, zap.DebugLevel).With(zap.String("account", "a"))
		log.Debug("m", zap.String("s", "x\n<0>forged"))
		log.Info("m")
		log.Warn("m")
		log.Error("m")
		i := 0
		for line := range strings.Lines(b.String()) {
			rest, ok := strings.CutPrefix(line, []string{"<7>", "<6>", "<4>", "<3>"}[i])
			i++
			if !ok || strings.Contains(rest, "time") {
				t.Errorf("%s: %q", format, line)
			}
			var v map[string]any
			if err := json.Unmarshal([]byte(rest), &v); format != "console" && (err != nil || v["account"] != "a") {
				t.Errorf("%s: %q, %v", format, line, err)
			}
			if format == "console" && !strings.HasPrefix(rest, []string{"DEBUG  m", "INFO  m", "WARN  m", "ERROR  m"}[i-1]) {
				t.Errorf("%q", line)
			}
		}
		if i != 4 {
			t.Errorf("%s: %d lines", format, i)
		}
	}
}

func TestIsJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	st, ok := info.Sys().(*syscall.Stat_t)
	if err != nil || !ok {
		t.Fatal(err)
	}
	id := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	closed, err := os.Open(f.Name())
	if err := errors.Join(err, closed.Close()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		w    io.Writer
		env  string
		want bool
	}{
		{f, id, true}, {f, "", false}, {f, id + "0", false}, {f, "8:1", false}, {io.Discard, id, false}, {closed, id, false},
	} {
		if got := IsJournal(tt.w, func(string) string { return tt.env }); got != tt.want {
			t.Errorf("%T, %q: %v", tt.w, tt.env, got)
		}
	}
}
