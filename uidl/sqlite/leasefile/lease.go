// Package leasefile is the lease of an account on one machine: a lock on a file, which ends with the process, whatever ends the
// process, so no stale lock ever has to be removed. The file also carries what its holder writes down beside the database,
// because that writer is by construction alone: the attempt marker and the note of the lease (docs/ledger-format.md).
//
// It knows nothing of the database. Package sqlite is its only caller; it judges what the errors mean, but for uidl.ErrBusy.
package leasefile

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
)

// ErrClosed is the error of a lease that was given back.
var ErrClosed = errors.New("account is closed")

// Lease is the hold on one account. The file is never renamed, and removed only by who holds the lock, when the account is
// forgotten. It is safe for concurrent use.
type Lease struct {
	mu    sync.Mutex
	dir   string    // the file's folder
	name  string    // and its name there
	f     *os.File  // nil: given back
	found uidl.Key  // the marker of an earlier holder; zero: none
	clean bool      // no marker stands there
	last  uidl.Note // that stands there; zero: none
	buf   [markerMax]byte
}

// Take opens and locks ACCOUNT.lock in dir, the folder of all leases; uidl.ErrBusy when another process, or this one, has it.
// The caller gives it back by Release.
func Take(dir, account string) (*Lease, error) {
	if err := uidl.CheckName(account); err != nil {
		return nil, err
	}
	leases, err := safepath.Dir(dir)
	if err != nil {
		return nil, safepath.WithNextStep(err)
	}
	defer leases.Close()
	name := account + suffix
	f, err := safepath.OpenOurs(leases, name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := lock(f)
	// Between the two, who forgets the account may have removed the file: then its lock keeps nobody out.
	if err == nil && (!ok || !isNamed(leases, name, f)) {
		err = uidl.ErrBusy
	}
	l := &Lease{f: f, dir: leases.Name(), name: name}
	if err == nil {
		l.found, l.last, err = read(f)
		l.clean = l.found == uidl.Key{}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

const suffix = ".lock"

// Reading replaces the marker; the zero Key takes it away. It is one small write without sync.
func (l *Lease) Reading(k uidl.Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return ErrClosed
	}
	l.found = uidl.Key{}
	if k == (uidl.Key{}) {
		if l.clean {
			return nil
		}
		// Not by truncating: the note lies behind it.
		_, err := l.f.WriteAt(l.blank(), 0)
		l.clean = err == nil
		return err
	}
	if err := k.Check(); err != nil {
		return err
	}
	l.clean = false
	_, err := l.f.WriteAt(appendMarker(l.buf[:0], k), 0)
	return err
}

// blank is what stands where no record is.
func (l *Lease) blank() []byte {
	clear(l.buf[:len(markerMagic)])
	return l.buf[:len(markerMagic)]
}

// Noted is the note that stands there, zero when none does.
func (l *Lease) Noted() uidl.Note {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Note replaces the note, unless what stands there is of the same account and higher: then the ledger is older than it.
// The zero note takes it away. That it cannot be written is no error: it tells of what it knows, and of nothing more.
func (l *Lease) Note(n uidl.Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil || n == l.last || n.Token == l.last.Token && n.Epoch < l.last.Epoch {
		return
	}
	b := l.blank()
	if n != (uidl.Note{}) {
		b = appendNote(l.buf[:0], n)
	}
	if _, err := l.f.WriteAt(b, noteOffset); err == nil {
		l.last = n
	}
}

// Interrupted is the marker of an earlier holder, until the next Reading.
func (l *Lease) Interrupted() (uidl.Key, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found, l.found != uidl.Key{}
}

// Held tells that it was not given back.
func (l *Lease) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f != nil
}

// Release gives the lock back, with the marker left as it is; reports whether it was held.
func (l *Lease) Release() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return false, nil
	}
	err := l.f.Close()
	l.f = nil
	return true, err
}

// Remove takes the file away, with what stands in it. The lock stays held until the lease is given back: see Take for whoever
// opened the file before.
func (l *Lease) Remove() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return ErrClosed
	}
	l.found, l.last, l.clean = uidl.Key{}, uidl.Note{}, true
	dir, err := safepath.Dir(l.dir)
	if err != nil {
		return safepath.WithNextStep(err)
	}
	defer dir.Close()
	if err := safepath.RemoveAt(dir, l.name); err != nil {
		return err
	}
	return durable.SyncDir(dir)
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
