package durable

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	hold    = 15 // files that a Barrier keeps open at most, waiting for Sync
	workers = 8  // files that it syncs at the same time
)

// Barrier makes many files of one filesystem durable at once. It owns the files given to Add, so that the descriptors
// that it needs stay few however large a batch is: at most 15 wait open, and at most 8 more are being synced.
//
// Up to 15 files cost an fsync each, side by side. When the 16th comes, a filesystem on which syncfs can be trusted
// (see Whole) gets all of them closed, and the Sync that covers them becomes one syncfs; on others they are synced in
// the background from then on. Its own descriptor is opened before the first file is written and kept, since the
// kernel tells a descriptor only of the write-back errors that happened after it was opened.
//
// After any error a Barrier is broken for good: every later call returns that error, because the kernel may have dropped
// the bytes and say OK when asked again. Its methods may be called from several goroutines.
type Barrier struct {
	dir    *os.File
	dev    uint64
	whole  bool
	fsync  func(*os.File) error // fields, so that tests can make them fail
	syncfs func(*os.File) error

	slots chan struct{} // one token for each file being synced in the background

	mu   sync.Mutex
	err  error
	held map[*Pending]struct{}
}

// Pending is a written file that its Barrier has not made durable yet. The zero value is of no use.
type Pending struct {
	file    *os.File      // open while held, or while done is not closed
	covered bool          // closed without a sync: needs syncfs
	done    chan struct{} // closed when a background sync ended; nil without one
}

// OpenBarrier is called before anything is written that the Barrier is to cover. dir is a directory on the filesystem in
// question; it stays the caller's.
func OpenBarrier(dir *os.File) (*Barrier, error) {
	fd, err := unix.Openat(int(dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir.Name(), Err: err}
	}
	own := os.NewFile(uintptr(fd), dir.Name())
	dev, err := device(own)
	if err != nil {
		own.Close()
		return nil, err
	}
	return &Barrier{
		dir: own, dev: dev, whole: canSyncfs(fd), fsync: (*os.File).Sync, syncfs: syncfs,
		slots: make(chan struct{}, workers), held: map[*Pending]struct{}{},
	}, nil
}

// Whole tells whether one syncfs may stand for an fsync of each file: Linux 5.8 or later, which reports write-back
// errors of the whole filesystem, on ext4, xfs or btrfs.
func (b *Barrier) Whole() bool { return b.whole }

// Err is what broke the Barrier, or nil.
func (b *Barrier) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// fail breaks the Barrier, if it is not broken yet, and returns what broke it.
func (b *Barrier) fail(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	return b.err
}

// Add takes over a file to which nothing will be written any more; the caller must not touch it again. It may wait for
// other files to be synced. Its errors are those of a later Sync.
func (b *Barrier) Add(f *os.File) *Pending {
	p := &Pending{file: f}
	b.mu.Lock()
	b.held[p] = struct{}{}
	if len(b.held) <= hold {
		b.mu.Unlock()
		return p
	}
	full := b.held
	b.held = map[*Pending]struct{}{}
	for q := range full {
		if b.whole {
			q.covered = true
		} else {
			q.done = make(chan struct{})
		}
	}
	b.mu.Unlock()
	for q := range full {
		if b.whole {
			if err := q.file.Close(); err != nil {
				b.fail(err)
			}
			continue
		}
		b.slots <- struct{}{}
		go func() {
			defer func() { <-b.slots }()
			defer close(q.done)
			if err := b.syncClose(q.file); err != nil {
				b.fail(err)
			}
		}()
	}
	return p
}

// syncClose makes one file durable and closes it in any case.
func (b *Barrier) syncClose(f *os.File) error {
	return errors.Join(b.fsync(f), f.Close())
}

// take removes files from those held and tells which are still open, which are on their way, and whether one of them
// needs syncfs.
func (b *Barrier) take(pending []*Pending) (open []*os.File, busy []chan struct{}, whole bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range pending {
		if _, ok := b.held[p]; ok {
			delete(b.held, p)
			open = append(open, p.file)
		} else if p.done != nil {
			busy = append(busy, p.done)
		}
		whole = whole || p.covered
	}
	return open, busy, whole, b.err
}

// Sync returns nil only once the files are durable, and then the names in dirs. Each Pending goes into one Sync or Drop.
// dirs stay the caller's.
func (b *Barrier) Sync(pending []*Pending, dirs ...*os.File) error {
	open, busy, whole, err := b.take(pending)
	for _, done := range busy {
		<-done
	}
	if err != nil || whole {
		for _, f := range open {
			if e := f.Close(); e != nil {
				b.fail(e)
			}
		}
	} else {
		b.syncAll(open)
	}
	if err := b.Err(); err != nil {
		return err
	}
	if whole {
		if err := b.syncfs(b.dir); err != nil { // the descriptor that saw everything since the Barrier was opened
			return b.fail(fmt.Errorf("syncing the filesystem: %w", err))
		}
	}
	for _, dir := range dirs {
		if whole {
			if dev, err := device(dir); err == nil && dev == b.dev {
				continue // syncfs has covered it
			}
		}
		if err := b.syncDir(dir); err != nil {
			return b.fail(err)
		}
	}
	// A close that failed meanwhile may have been of one of these files.
	return b.Err()
}

func (b *Barrier) syncDir(dir *os.File) error {
	err := b.fsync(dir)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil // as in SyncDir
	}
	return err
}

// syncAll syncs files side by side: the filesystem merges their journal commits.
func (b *Barrier) syncAll(files []*os.File) {
	if len(files) == 1 {
		if err := b.syncClose(files[0]); err != nil {
			b.fail(err)
		}
		return
	}
	var wg sync.WaitGroup
	next := make(chan *os.File)
	for range min(workers, len(files)) {
		wg.Go(func() {
			for f := range next {
				if err := b.syncClose(f); err != nil {
					b.fail(err)
				}
			}
		})
	}
	for _, f := range files {
		next <- f
	}
	close(next)
	wg.Wait()
}

// Drop gives files up: they are closed without a sync and without a judgement.
func (b *Barrier) Drop(pending ...*Pending) {
	open, busy, _, _ := b.take(pending)
	for _, done := range busy {
		<-done
	}
	for _, f := range open {
		f.Close()
	}
}

// Close drops all files that wait and ends the Barrier: every later Sync fails.
func (b *Barrier) Close() error {
	b.mu.Lock()
	rest := make([]*Pending, 0, len(b.held))
	for p := range b.held {
		rest = append(rest, p)
	}
	b.mu.Unlock()
	b.Drop(rest...)
	for range workers {
		b.slots <- struct{}{} // all background syncs have ended
	}
	for range workers {
		<-b.slots
	}
	b.fail(os.ErrClosed)
	return b.dir.Close()
}

// device identifies the filesystem that an open file is on.
func device(f *os.File) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return uint64(st.Dev), nil
}
