package settle

import (
	"bytes"
	"errors"
	"io"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// ErrNoBranch ends the reading of a body that no destination takes any more.
var ErrNoBranch = errors.New("no destination takes the message")

// ErrTooLong ends the reading of a body that grew past max_size although LIST gave it as smaller.
var ErrTooLong = errors.New("message is larger than max_size")

// Branch is one destination's share of a message that is being received.
type Branch struct {
	Dest    *Place
	Staging deliver.Staging
	Ticket  deliver.Ticket
	Err     error // why this destination does not have it; the others go on
}

// Fanout writes one body, as it comes from the wire, to the staging place of every destination that needs it, and
// measures it on the way: no copy in memory, no second read.
type Fanout struct {
	Branches []Branch
	Octets   int64
	Count    bool   // lines and dots too, of those
	Lines    int64  // LFs
	Dots     int64  // lines that begin with a dot
	Start    []byte // the first octets, as many as tell a status line
	bol      bool   // the next octet begins a line
	max      int64  // octets; 0: no limit
	space    func(octets int64) error
	unasked  int64 // octets since space was last asked
	Sum      *ContentSum
	Header   *uidl.Fingerprinter
}

// NewFanout has no branches yet: see Reset.
func NewFanout() *Fanout { return &Fanout{Sum: NewContentSum(), Header: new(uidl.Fingerprinter)} }

// Reset makes the fanout ready for the next message.
func (f *Fanout) Reset(max int64, space func(int64) error) {
	f.Branches = f.Branches[:0]
	f.Octets, f.max, f.unasked, f.space = 0, max, 0, space
	f.Lines, f.Dots, f.bol = 0, 0, true
	f.Start = f.Start[:0]
	f.Sum.Reset()
	f.Header.Reset()
}

var (
	lf    = []byte("\n")
	lfDot = []byte("\n.")
)

// Write fails only when nothing is left to write to; a branch that fails is aborted and remembered.
func (f *Fanout) Write(b []byte) (int, error) {
	f.Octets += int64(len(b))
	if f.max > 0 && f.Octets > f.max {
		return 0, ErrTooLong
	}
	if f.unasked += int64(len(b)); f.unasked >= askSpace {
		f.unasked = 0
		if err := f.space(0); err != nil {
			f.Fail(err)
			return 0, ErrNoBranch
		}
	}
	if n := len(f.Start); n < 4 {
		f.Start = append(f.Start, b[:min(len(b), 4-n)]...)
	}
	if f.Count && len(b) > 0 {
		f.Lines += int64(bytes.Count(b, lf))
		f.Dots += int64(bytes.Count(b, lfDot))
		if f.bol && b[0] == '.' {
			f.Dots++
		}
		f.bol = b[len(b)-1] == '\n'
	}
	f.Sum.Write(b)
	f.Header.Write(b)
	alive := false
	for i := range f.Branches {
		br := &f.Branches[i]
		if br.Err != nil {
			continue
		}
		if _, err := br.Staging.Write(b); err != nil {
			br.Staging.Abort()
			br.Err = err
			continue
		}
		alive = true
	}
	if !alive {
		return 0, ErrNoBranch
	}
	return len(b), nil
}

// Finish closes all branches; the message was complete.
func (f *Fanout) Finish() {
	for i := range f.Branches {
		if br := &f.Branches[i]; br.Err == nil {
			br.Ticket, br.Err = br.Staging.Ticket()
		}
	}
}

// Fail aborts all branches that are still open.
func (f *Fanout) Fail(err error) {
	for i := range f.Branches {
		if br := &f.Branches[i]; br.Err == nil {
			br.Staging.Abort()
			br.Err = err
		}
	}
}

var _ io.Writer = (*Fanout)(nil)
