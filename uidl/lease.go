package uidl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

// lease is the hold on one account: a lock on its file that ends with the process, whatever ends the process. The
// file is never renamed, and removed only by who holds the lock, when the account is forgotten. It also carries the attempt
// marker and the note of the lease, because their writer is by construction alone.
type lease struct {
	mu    sync.Mutex
	dir   string   // the file's folder
	name  string   // and its name there
	f     *os.File // nil: given back
	found Key      // the marker of an earlier holder; zero: none
	clean bool     // no marker stands there
	last  Note     // that stands there; zero: none
	buf   [markerMax]byte
}

// takeLease opens and locks DIR/lease/ACCOUNT.lock; ErrBusy when another process, or this one, has it.
func takeLease(dir, account string) (*lease, error) {
	if err := checkName(account); err != nil {
		return nil, err
	}
	leases, err := safepath.Dir(filepath.Join(dir, leaseDir))
	if err != nil {
		return nil, mended(err)
	}
	defer leases.Close()
	name := account + ".lock"
	f, err := safepath.OpenOurs(leases, name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := tryLock(f)
	// Between the two, who forgets the account may have removed the file: then its lock keeps nobody out.
	if err == nil && (!ok || !isNamed(leases, name, f)) {
		err = ErrBusy
	}
	l := &lease{f: f, dir: leases.Name(), name: name}
	if err == nil {
		l.found, l.last, err = readLease(f)
		l.clean = l.found == Key{}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// reading replaces the marker.
func (l *lease) reading(k Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return errClosed
	}
	l.found = Key{}
	if k == (Key{}) {
		if l.clean {
			return nil
		}
		// Not by truncating: the note lies behind it.
		_, err := l.f.WriteAt(l.blank(), 0)
		l.clean = err == nil
		return err
	}
	if err := checkKey(k); err != nil {
		return err
	}
	l.clean = false
	_, err := l.f.WriteAt(appendMarker(l.buf[:0], k), 0)
	return err
}

// blank is what stands where no record is.
func (l *lease) blank() []byte {
	clear(l.buf[:len(markerMagic)])
	return l.buf[:len(markerMagic)]
}

// noted is the note that stands there.
func (l *lease) noted() Note {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// note replaces the note, unless what stands there is of the same account and higher: then the ledger is older than it.
// The zero note takes it away. That it cannot be written is no error: it tells of what it knows, and of nothing more.
func (l *lease) note(n Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil || n == l.last || n.Token == l.last.Token && n.Epoch < l.last.Epoch {
		return
	}
	b := l.blank()
	if n != (Note{}) {
		b = appendNote(l.buf[:0], n)
	}
	if _, err := l.f.WriteAt(b, noteOffset); err == nil {
		l.last = n
	}
}

func (l *lease) interrupted() (Key, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found, l.found != Key{}
}

func (l *lease) held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f != nil
}

// release gives the lock back, with the marker left as it is; reports whether it was held.
func (l *lease) release() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return false, nil
	}
	err := l.f.Close()
	l.f = nil
	return true, err
}

var errClosed = errors.New("account is closed")

// checkName keeps names to what is a harmless file name on every filesystem.
func checkName(name string) error {
	ok := len(name) >= 1 && len(name) <= 64 && name[0] != '.'
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._-", c) >= 0
	}
	if !ok {
		return fmt.Errorf("account name %.80q: it must be 1 to 64 of a-z 0-9 . _ - and not begin with a dot", name)
	}
	return nil
}

// isNamed tells whether an open file still has its name.
func isNamed(dir *os.File, name string, f *os.File) bool {
	there, err := safepath.StatAt(dir, name)
	if err != nil {
		return false
	}
	var open unix.Stat_t
	err = unix.Fstat(int(f.Fd()), &open)
	return err == nil && open.Ino == there.Ino && open.Dev == there.Dev
}
