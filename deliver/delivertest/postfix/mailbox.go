package postfix

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// Maildir is where a user's mail lies. It is not there before the first message.
func (s *Server) Maildir(user string) string { return filepath.Join(s.dir, "mail", user) }

// Messages is what a user got, as stored: lines end in LF. First it waits until the queue is empty, and fails the test
// when that takes more than a minute.
func (s *Server) Messages(user string) (all [][]byte) {
	s.t.Helper()
	s.drain()
	for _, sub := range []string{"new", "cur"} {
		dir := filepath.Join(s.Maildir(user), sub)
		entries, err := os.ReadDir(dir)
		if !errors.Is(err, fs.ErrNotExist) {
			s.must(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			s.must(err)
			all = append(all, b)
		}
	}
	return all
}

// Log is what Postfix logged so far.
func (s *Server) Log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log")) // not there before the first line
	return string(b)
}

// drain waits until no message is in the queue.
func (s *Server) drain() {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); s.queued() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("postfix: %d messages are left in the queue\n%s", s.queued(), s.Log())
		}
	}
}

// queued counts the files of messages, in the order in which they move: one on its way may be counted twice, never not
// at all.
func (s *Server) queued() (n int) {
	for _, d := range []string{"maildrop", "incoming", "active", "deferred", "hold"} {
		_ = filepath.WalkDir(filepath.Join(s.dir, "queue", d), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				n++
			}
			return nil // a file that goes away meanwhile is no failure
		})
	}
	return n
}

// ids are a user's numbers.
type ids struct{ uid, gid int }

func lookup(s *Server, name string) ids {
	s.t.Helper()
	u, err := user.Lookup(name)
	s.must(err)
	uid, err := strconv.Atoi(u.Uid)
	s.must(err)
	gid, err := strconv.Atoi(u.Gid)
	s.must(err)
	return ids{uid, gid}
}
