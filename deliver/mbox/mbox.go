// Package mbox appends messages to a mailbox file, and looks there before it repeats: it is a deliver.Sender, with the spool in front
// of it. It reports what the system said and what it found, and leaves every judgement to others.
//
// It writes mboxrd, the one of RFC 4155's dialects that can be read back: a From_ line, the message with LF for CRLF, one more ">" in front of
// each line that is "From " behind any number of ">", and an empty line. A message whose last line has no end gets one; nothing else is added,
// but for Options.Trace. The From_ line has the address of Return-Path, or MAILER-DAEMON, and the time at which popsync received
// the message, in UTC, as asctime writes it.
//
// A message goes like this, under the locks of the mailbox:
//
//  1. Where the file ends now, and which file it is, becomes durable in a record beside the folder of copies (see record).
//  2. A message that may have been written before (Outgoing.Again) is looked for where its record says. Whole there, it is delivered. A piece
//     of it is cut off if the file ends within it; else it stays, is told of, and the message is appended anew. Where the mailbox was
//     rewritten meanwhile nobody can tell: deliver.ErrInferred.
//  3. It is appended, and the file synced. What could not be written whole is cut off again.
//  4. The file's times are set as whoever looks for new mail by them expects: read before it was changed.
//
// It refuses a file that is not this user's, a link, and what is no mailbox. It removes no lock but one that a process left behind which is
// gone.
package mbox

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
)

// Lock says how a mailbox is kept from others while it is written.
type Lock string

// The ways to lock. Programs that share a mailbox must have one in common.
const (
	Both    Lock = "both"    // by fcntl, then by a file named like the mailbox with .lock behind it
	Fcntl   Lock = "fcntl"   // by fcntl only: for folders in which no files can be made, such as /var/mail
	DotLock Lock = "dotlock" // by that file; by fcntl too where the filesystem has it
)

// Options say which mailbox it is. All but Path may be zero.
type Options struct {
	Path     string        // of the file, absolute; made, 0600, if it is missing and its folder is there
	Lock     Lock          // "": Both
	Trace    bool          // messages get one Received line (RFC 5321, section 4.4), unless the first octet is a space or a tab
	Patience time.Duration // for others who hold a lock; 0: 30 s
}

// Where is the opaque identity of the destination.
func (o Options) Where() string { return "mbox " + filepath.Clean(o.Path) }

// Sender is a deliver.Sender for one mailbox. It is a deliver.Looker. One message goes at a time.
type Sender struct {
	o    Options
	dir  string
	name string
	host string // of this machine, for lock files

	mu    sync.Mutex
	held  bool // nothing of earlier processes is in doubt
	began bool // this process has written something
	rec   *record
	tells []string

	// What tests make fail.
	write func(f *os.File, p []byte) (int, error)
	sync  func(f *os.File, last []byte) error
	size  func(f *os.File) (int64, error)
	read  func(f *os.File, p []byte, at int64) (int, error)
}

// New checks the options; it does no input or output.
func New(o Options) (*Sender, error) {
	o.Lock = cmp.Or(o.Lock, Both)
	switch {
	case !filepath.IsAbs(o.Path) || strings.HasSuffix(o.Path, "/"):
		return nil, errors.New("a mailbox needs the absolute path of a file")
	case o.Lock != Both && o.Lock != Fcntl && o.Lock != DotLock:
		return nil, errors.New("lock " + strconv.Quote(string(o.Lock)) + " is not known")
	}
	o.Path = filepath.Clean(o.Path)
	o.Patience = cmp.Or(o.Patience, 30*time.Second)
	host, _ := os.Hostname() // "": no lock of another process is known to be of this machine
	return &Sender{
		o: o, dir: filepath.Dir(o.Path), name: filepath.Base(o.Path), host: host,
		write: (*os.File).Write, sync: durable.Append, size: sizeOf, read: (*os.File).ReadAt,
	}, nil
}

// Place is the path of the file.
func (s *Sender) Place() string { return s.o.Path }

// Lanes is 1: a mailbox takes one message at a time.
func (s *Sender) Lanes() int { return 1 }

// Hold implements deliver.Looker.
func (s *Sender) Hold(doubts bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = !doubts
}

// Tell implements deliver.Teller: pieces of messages that were left in the mailbox.
func (s *Sender) Tell() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.tells
	s.tells = nil
	return all
}

// Close closes the record.
func (s *Sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rec != nil {
		s.rec.close()
	}
	return nil
}

// Send implements deliver.Sender. Body is read twice before anything is written: a message that cannot be read leaves no piece.
func (s *Sender) Send(ctx context.Context, m deliver.Outgoing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := s.o.prepare(ctx, m)
	if err != nil {
		return s.unread(ctx, err)
	}
	if s.rec == nil {
		r, err := openRecord(m.Folder, s.o.Where())
		if err != nil {
			return &deliver.Error{Op: "open", Place: m.Folder + deliver.LookSuffix, Scope: deliver.WholeTarget, Local: true, Err: err,
				Hint: "repair or remove this file: without it, what was in doubt may arrive twice"}
		}
		s.rec = r
	}
	if m.Again && s.rec.taken[m.ID] {
		return nil
	}
	b, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	if m.Again {
		there, err := s.find(ctx, b, t)
		if err != nil || there {
			return err
		}
	}
	return s.append(ctx, b, t)
}

// unread is what it means that our own copy of a message cannot be read.
func (s *Sender) unread(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &deliver.Error{Op: "read the message for", Place: s.o.Path, Local: true, Err: err}
}

// unrecorded is what it means that the record cannot be written.
func (s *Sender) unrecorded(err error) error {
	return &deliver.Error{Op: "note where a message goes in", Place: s.o.Path, Scope: deliver.WholeTarget, Local: true, Err: err,
		Full: errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT), Hint: "the record is beside the copies that wait, in state_dir"}
}

var (
	_ deliver.Sender  = (*Sender)(nil)
	_ deliver.Checker = (*Sender)(nil)
	_ deliver.Looker  = (*Sender)(nil)
	_ deliver.Teller  = (*Sender)(nil)
)
