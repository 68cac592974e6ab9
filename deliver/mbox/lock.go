package mbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/safepath"
)

// lockSuffix is of the file that locks a mailbox beside it. Its text is "PID:HOST", as Dovecot writes it; liblockfile reads the number.
const lockSuffix = ".lock"

const (
	staleAfter = 10 * time.Minute // a lock file that nobody touched for so long is nobody's
	freshen    = time.Minute      // ours is touched so often while a message is written
	maxHolder  = 256              // octets that are read of a lock file
)

// dotLock makes the lock file. alone tells that no other Sender of this process can be at work on the mailbox. The error is a
// *busyError if somebody else has it.
func (s *Sender) dotLock(dir *os.File, alone bool) (unlock func(), err error) {
	name := s.name + lockSuffix
	mend := "and nothing is at work on the mailbox, remove " + safepath.Quote(s.o.Path+lockSuffix)
	var f *os.File
	for range 2 {
		f, err = safepath.OpenAt(dir, name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		who, stale := s.holder(dir, name, alone)
		if !stale {
			return nil, &busyError{who, mend}
		}
		if err := safepath.RemoveAt(dir, name); err != nil {
			return nil, &busyError{who + ", and it cannot be removed", mend}
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, &busyError{"another program", mend}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return nil, &deliver.Error{Op: "lock", Place: s.o.Path, Scope: deliver.WholeTarget, Permanent: true, Err: err,
			Hint: `let the user that runs popsync make files in this folder, or write lock = "fcntl" if all who use the mailbox lock it so`}
	case err != nil:
		return nil, s.failed("lock", err)
	}
	text := strconv.Itoa(os.Getpid()) + ":" + s.host
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		_ = safepath.RemoveAt(dir, name)
		return nil, s.failed("lock", err)
	}
	ended, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for tick := time.NewTicker(freshen); ; {
			select {
			case <-tick.C:
				_, _ = f.WriteAt([]byte(text), 0) // its time tells others that it is ours still
			case <-ended:
				tick.Stop()
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-over
		var ours unix.Stat_t
		there, err := safepath.StatAt(dir, name)
		if err == nil && unix.Fstat(int(f.Fd()), &ours) == nil && ours.Ino == there.Ino && ours.Dev == there.Dev {
			_ = safepath.RemoveAt(dir, name) // left behind, it is one of a process that is gone
		}
		f.Close()
	}, nil
}

// holder says who has a lock file, and whether he is gone.
func (s *Sender) holder(dir *os.File, name string, alone bool) (who string, stale bool) {
	f, err := safepath.OpenAt(dir, name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "nobody", true // removed just now
	}
	var text []byte
	if err == nil {
		text, _ = io.ReadAll(io.LimitReader(f, maxHolder))
		f.Close()
	}
	st, err := safepath.StatAt(dir, name)
	if err != nil {
		return "nobody", errors.Is(err, fs.ErrNotExist)
	}
	pid, host := holderOf(string(text))
	who = "another program (" + name + ")"
	if pid > 0 {
		who = fmt.Sprintf("process %d (%s)", pid, name)
	}
	switch {
	case time.Since(time.Unix(st.Mtim.Unix())) > staleAfter:
		return who, true
	case pid > 0 && host != "" && host == s.host:
		// A number of our own is of a process before us, in a container, if no other Sender of ours can have it.
		return who, pid == os.Getpid() && alone || unix.Kill(pid, 0) == unix.ESRCH
	}
	return who, false
}

// holderOf reads the text of a lock file; 0: it names nobody.
func holderOf(text string) (pid int, host string) {
	number, host, _ := strings.Cut(text, ":")
	pid, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || pid < 0 {
		return 0, ""
	}
	return pid, strings.TrimRight(host, "\n")
}
