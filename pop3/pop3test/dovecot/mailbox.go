package dovecot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// AddUser makes a user with an empty mailbox; the password is Password. It works while the server runs.
func (s *Server) AddUser(name string) { s.addUser(name, "{PLAIN}"+Password) }

func (s *Server) addUser(name, password string) {
	s.t.Helper()
	for _, d := range []string{"", "tmp", "new", "cur"} {
		path := filepath.Join(s.Maildir(name), d)
		s.must(os.Mkdir(path, 0o755))
		s.must(os.Chown(path, s.owner.uid, s.owner.gid))
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "users"), os.O_WRONLY|os.O_APPEND, 0)
	s.must(err)
	_, err = fmt.Fprintf(f, "%s:%s:%d:%d::%s::\n", name, password, s.owner.uid, s.owner.gid, s.Maildir(name))
	s.must(err)
	s.must(f.Close())
}

// Maildir is where a user's mail lies, for tests that look at or damage it.
func (s *Server) Maildir(user string) string { return filepath.Join(s.dir, "mail", user) }

// Fill adds messages to a mailbox, listed after those already there and in the order given. The bytes are stored as
// they are; on the wire Dovecot makes every bare LF a CRLF, and so sizes count.
func (s *Server) Fill(user string, messages [][]byte) {
	s.t.Helper()
	// Straight into cur/, with both sizes in the name, so that a listing of 100,000 opens and renames nothing.
	cur := filepath.Join(s.Maildir(user), "cur")
	for _, m := range messages {
		s.filled[user]++
		n := s.filled[user]
		wire := len(m) + bytes.Count(m, []byte("\n")) - bytes.Count(m, []byte("\r\n"))
		name := fmt.Sprintf("%d.M%06dP1.test,S=%d,W=%d:2,", 1_600_000_000+n/1_000_000, n%1_000_000, len(m), wire)
		file := filepath.Join(cur, name)
		s.must(os.WriteFile(file, m, 0o644))
		s.must(os.Chown(file, s.owner.uid, s.owner.gid))
	}
}

// Count is how many messages the mailbox holds.
func (s *Server) Count(user string) int {
	s.t.Helper()
	return len(s.files(user))
}

// List is the mailbox as a multiset: how often each SHA-256 of a stored message occurs.
func (s *Server) List(user string) map[[sha256.Size]byte]int {
	s.t.Helper()
	sums := map[[sha256.Size]byte]int{}
	for _, file := range s.files(user) {
		b, err := os.ReadFile(file)
		s.must(err)
		sums[sha256.Sum256(b)]++
	}
	return sums
}

// Log is what Dovecot logged so far.
func (s *Server) Log() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	s.must(err)
	return string(b)
}

func (s *Server) files(user string) (files []string) {
	s.t.Helper()
	for _, d := range []string{"new", "cur"} {
		dir := filepath.Join(s.Maildir(user), d)
		entries, err := os.ReadDir(dir)
		s.must(err)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}
