package fetcher

import (
	"bytes"
	"errors"
	"io"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// errNoBranch ends the reading of a body that no destination takes any more.
var errNoBranch = errors.New("no destination takes the message")

// errTooLong ends the reading of a body that grew past max_size although LIST gave it as smaller.
var errTooLong = errors.New("message is larger than max_size")

// branch is one destination's share of a message that is being received.
type branch struct {
	dest    *destination
	staging deliver.Staging
	ticket  deliver.Ticket
	err     error // why this destination does not have it; the others go on
}

// fanout writes one body, as it comes from the wire, to the staging place of every destination that needs it, and
// measures it on the way: no copy in memory, no second read.
type fanout struct {
	branches []branch
	octets   int64
	count    bool   // lines and dots too, of those
	lines    int64  // LFs
	dots     int64  // lines that begin with a dot
	start    []byte // the first octets, as many as tell a status line
	bol      bool   // the next octet begins a line
	max      int64  // octets; 0: no limit
	space    func(octets int64) error
	unasked  int64 // octets since space was last asked
	sum      *contentSum
	header   *uidl.Fingerprinter
}

func newFanout() *fanout { return &fanout{sum: newContentSum(), header: new(uidl.Fingerprinter)} }

// reset makes the fanout ready for the next message.
func (f *fanout) reset(max int64, space func(int64) error) {
	f.branches = f.branches[:0]
	f.octets, f.max, f.unasked, f.space = 0, max, 0, space
	f.lines, f.dots, f.bol = 0, 0, true
	f.start = f.start[:0]
	f.sum.reset()
	f.header.Reset()
}

var (
	lf    = []byte("\n")
	lfDot = []byte("\n.")
)

// Write fails only when nothing is left to write to; a branch that fails is aborted and remembered.
func (f *fanout) Write(b []byte) (int, error) {
	f.octets += int64(len(b))
	if f.max > 0 && f.octets > f.max {
		return 0, errTooLong
	}
	if f.unasked += int64(len(b)); f.unasked >= askSpace {
		f.unasked = 0
		if err := f.space(0); err != nil {
			f.fail(err)
			return 0, errNoBranch
		}
	}
	if n := len(f.start); n < 4 {
		f.start = append(f.start, b[:min(len(b), 4-n)]...)
	}
	if f.count && len(b) > 0 {
		f.lines += int64(bytes.Count(b, lf))
		f.dots += int64(bytes.Count(b, lfDot)) + int64(b2i(f.bol && b[0] == '.'))
		f.bol = b[len(b)-1] == '\n'
	}
	f.sum.write(b)
	f.header.Write(b)
	alive := false
	for i := range f.branches {
		br := &f.branches[i]
		if br.err != nil {
			continue
		}
		if _, err := br.staging.Write(b); err != nil {
			br.staging.Abort()
			br.err = err
			continue
		}
		alive = true
	}
	if !alive {
		return 0, errNoBranch
	}
	return len(b), nil
}

// finish closes all branches; the message was complete.
func (f *fanout) finish() {
	for i := range f.branches {
		if br := &f.branches[i]; br.err == nil {
			br.ticket, br.err = br.staging.Ticket()
		}
	}
}

// fail aborts all branches that are still open.
func (f *fanout) fail(err error) {
	for i := range f.branches {
		if br := &f.branches[i]; br.err == nil {
			br.staging.Abort()
			br.err = err
		}
	}
}

var _ io.Writer = (*fanout)(nil)
