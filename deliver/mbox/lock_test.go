package mbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/safepath"
)

// sleeper is a process of another program, until the test ends.
func sleeper(t *testing.T) int {
	t.Helper()
	c := exec.Command("/bin/sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c.Process.Pid
}

// A lock file is respected while its process lives; those that a kill left behind are removed.
func TestLockFile(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	dead := exec.Command("/bin/true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	gone := dead.Process.Pid
	for _, c := range []struct {
		text string
		age  time.Duration
		free bool
	}{
		{fmt.Sprintf("%d:%s", sleeper(t), host), 0, false},
		{fmt.Sprintf("%d:%s", gone, host), 0, true},
		{fmt.Sprintf("%d:%s", os.Getpid(), host), 0, true}, // of a container before this one
		{fmt.Sprintf("%d:another.example", gone), 0, false},
		{fmt.Sprintf("%d\n", gone), 0, false},
		{"", 0, false},
		{"nonsense", 9 * time.Minute, false},
		{"nonsense", 11 * time.Minute, true},
		{fmt.Sprintf("%d:%s", sleeper(t), host), 11 * time.Minute, true},
	} {
		w := newWorld(t)
		lock := w.path + ".lock"
		w.must0(os.WriteFile(lock, []byte(c.text), 0o600))
		then := time.Now().Add(-c.age)
		w.must0(os.Chtimes(lock, then, then))
		w.set = func(o *Options) { o.Patience = 30 * time.Millisecond }
		err := w.send(w.open(false), "id", message, false)
		var e *deliver.Error
		switch _, there := os.Stat(lock); {
		case c.free && (err != nil || there == nil):
			t.Errorf("%q, %v old: %v, the lock is there: %v", c.text, c.age, err, there == nil)
		case !c.free && (!errors.As(err, &e) || e.Scope != deliver.WholeTarget || e.Permanent || e.Uncertain || there != nil || w.file() != "" ||
			!strings.Contains(e.Hint, "remove "+lock)):
			t.Errorf("%q, %v old: %v, the lock is gone: %v, mailbox %q", c.text, c.age, err, there != nil, w.file())
		}
	}
}

// Whoever holds a lock for a while is waited for; whoever wants to end does not wait.
func TestWaitsForLocks(t *testing.T) {
	w := newWorld(t)
	lock := w.path + ".lock"
	w.must0(os.WriteFile(lock, []byte("elsewhere"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := w.open(false)
	if err := s.Send(ctx, w.outgoing("id", message, false)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := s.Send(ctx, w.outgoing("id", message, false)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = os.Remove(lock) })
	w.must(s, "id", message, false)
}

// Locks by fcntl of other programs are respected, and ours keep them out.
func TestFcntl(t *testing.T) {
	w := newWorld(t)
	w.set = func(o *Options) { o.Lock, o.Patience = Fcntl, 30*time.Millisecond }
	w.must(w.open(false), "one", message, false)
	f, err := os.OpenFile(w.path, os.O_RDWR, 0)
	w.must0(err)
	defer f.Close()
	_, err = lockFile(f)
	w.must0(err)
	var e *deliver.Error
	if err := w.send(w.open(false), "two", message, false); !errors.As(err, &e) || !strings.Contains(err.Error(), "locked by another program (fcntl)") ||
		!strings.Contains(e.Hint, "end that program") || strings.Contains(e.Hint, lockSuffix) { // there is no such file
		t.Errorf("%v", err)
	}
	w.must0(f.Close())
	w.must(w.open(false), "two", message, false)
	if n := len(w.messages()); n != 2 {
		t.Errorf("%d messages", n)
	}
}

// dotlockfile is how Debian's programs lock mailboxes.
func TestDotlockfile(t *testing.T) {
	program, err := exec.LookPath("dotlockfile")
	if err != nil {
		t.Skip("there is no dotlockfile (Debian: liblockfile-bin)")
	}
	w := newWorld(t)
	lock := w.path + ".lock"
	w.set = func(o *Options) { o.Patience = 30 * time.Millisecond }
	if out, err := exec.Command(program, "-l", lock).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var e *deliver.Error
	if err := w.send(w.open(false), "id", message, false); !errors.As(err, &e) {
		t.Errorf("with a lock of dotlockfile: %v", err)
	}
	if out, err := exec.Command(program, "-u", lock).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := w.open(false)
	w.must(s, "id", message, false)
	ours := false
	s.write = func(f *os.File, p []byte) (int, error) {
		err := exec.Command(program, "-l", "-p", "-r", "0", lock).Run()
		var exit *exec.ExitError
		ours = errors.As(err, &exit)
		return f.Write(p)
	}
	w.must(s, "two", message, false)
	if !ours {
		t.Error("dotlockfile took the lock while a message was written")
	}
	if _, err := os.Stat(lock); err == nil {
		t.Error("the lock is left")
	}
}

// Whoever looks for new mail by the times of the file finds it, also right after he has read.
func TestTimes(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	for i, read := range []time.Time{{}, time.Now().Add(-time.Hour), time.Now(), time.Now().Add(time.Minute)} {
		if !read.IsZero() {
			info, err := os.Stat(w.path)
			w.must0(err)
			w.must0(os.Chtimes(w.path, read, info.ModTime()))
		}
		w.must(s, fmt.Sprintf("id%d", i), message, false)
		var st unix.Stat_t
		w.must0(unix.Stat(w.path, &st))
		if st.Atim.Sec >= st.Mtim.Sec {
			t.Errorf("read at %d, changed at %d", st.Atim.Sec, st.Mtim.Sec)
		}
		if at := time.Unix(st.Atim.Unix()); i == 1 && at.Sub(read).Abs() > time.Microsecond {
			t.Errorf("read at %v, want %v", at, read)
		}
		if age := time.Since(time.Unix(st.Mtim.Unix())); age > time.Minute || age < -time.Minute {
			t.Errorf("changed %v ago", age)
		}
	}
}

func TestCheck(t *testing.T) {
	root := os.Getuid() == 0
	for name, c := range map[string]struct {
		make func(w *world)
		lock Lock
		want string // in the error; "": none
		skip bool
	}{
		"missing":       {make: func(*world) {}},
		"there":         {make: func(w *world) { w.foreign("x\n") }},
		"empty":         {make: func(w *world) { w.put("") }},
		"a link":        {make: func(w *world) { w.must0(os.Symlink("elsewhere", w.path)) }, want: "is a symbolic link"},
		"a FIFO":        {make: func(w *world) { w.must0(unix.Mkfifo(w.path, 0o600)) }, want: "is no file that mail could be kept in"},
		"a folder":      {make: func(w *world) { w.must0(os.Mkdir(w.path, 0o700)) }, want: "is a folder"},
		"something":     {make: func(w *world) { w.put("#!/bin/sh\n") }, want: "is no mailbox"},
		"no folder":     {make: func(w *world) { w.must0(os.Remove(filepath.Dir(w.path))) }, want: "is not there"},
		"for everybody": {make: func(w *world) { w.must0(os.Chmod(filepath.Dir(w.path), 0o757)) }, want: "others can write"},
		"no lock file":  {make: func(w *world) { w.put(""); w.must0(os.Chmod(filepath.Dir(w.path), 0o500)) }, want: `write lock = "fcntl"`, skip: root},
		"fcntl only":    {make: func(w *world) { w.put(""); w.must0(os.Chmod(filepath.Dir(w.path), 0o500)) }, lock: Fcntl},
		"no new file":   {make: func(w *world) { w.must0(os.Chmod(filepath.Dir(w.path), 0o500)) }, lock: Fcntl, want: "make the mailbox", skip: root},
	} {
		if c.skip {
			continue // root may write everywhere
		}
		w := newWorld(t)
		w.set = func(o *Options) { o.Lock = c.lock }
		c.make(w)
		before := w.listed()
		s := w.open(false)
		err := s.Check(t.Context(), "")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if after := w.listed(); after != before {
			t.Errorf("%s: %s became %s", name, before, after)
		}
		if err := w.send(s, "id", message, false); (err == nil) != (c.want == "") {
			t.Errorf("%s: Check said %v, and Send %v", name, c.want, err)
		}
		_ = os.Chmod(filepath.Dir(w.path), 0o700)
	}
}

func (w *world) listed() (all string) {
	list, _ := os.ReadDir(filepath.Dir(w.path))
	for _, e := range list {
		all += e.Name() + " "
	}
	return all
}

// A new mailbox is for its user alone.
func TestMode(t *testing.T) {
	w := newWorld(t)
	w.must(w.open(false), "id", message, false)
	if info, err := os.Stat(w.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// What may not be opened or made is said of the file or of its folder, and the same by a pass and by a look.
func TestNotAllowed(t *testing.T) {
	s, err := New(Options{Path: "/mail/box"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		err    error
		making bool
		op     string
		hint   string
	}{
		"the file":   {&os.PathError{Op: "openat", Path: "/mail/box", Err: unix.EACCES}, false, "open /mail/box: permission denied", "read and write this file"},
		"the folder": {&os.PathError{Op: "openat", Path: "/mail/box", Err: unix.EACCES}, true, "make /mail/box: permission denied", "make files in this folder"},
		"forbidden":  {&os.PathError{Op: "openat", Path: "/mail/box", Err: unix.EPERM}, false, "open /mail/box: operation not permitted", "this file"},
		"another's":  {&safepath.Error{Path: "/mail/box", Why: "it belongs to another user", Mend: "chown"}, false, "it belongs to another user", "chown"},
		"full":       {&os.PathError{Op: "openat", Path: "/mail/box", Err: unix.ENOSPC}, true, "no space left", "free some space"},
	} {
		var e *deliver.Error
		if err := s.unopened(c.err, c.making); !errors.As(err, &e) || !strings.Contains(err.Error(), c.op) || !strings.Contains(e.Hint, c.hint) || e.Scope != deliver.WholeTarget {
			t.Errorf("%s: %v, next step %q", name, err, e.Hint)
		}
	}
}
