package terminal

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

const (
	boardLines = 8                      // accounts that are shown at most
	boardTime  = 200 * time.Millisecond // between two drawings
)

// Board shows how running passes get on: lines at the bottom of a terminal that are drawn again in place, below the log,
// which is written through it. It needs only what every terminal knows: carriage return, cursor up, erase to the end. A
// nil Board shows nothing.
type Board struct {
	w    io.Writer
	size func() (width, height int) // of the terminal; 0: not known
	now  func() time.Time

	mu    sync.Mutex
	rows  []*row // of running passes, in the order in which they began, by name within a second
	log   []byte // lines for above the rows, kept for the next drawing: each would cost one
	drawn []string
	held  int  // somebody else writes to the terminal
	over  bool // nothing is shown any more
	stop  func()
	done  chan struct{}
}

// NewBoard begins to show on a terminal that has this size, 0 where it is not known; Close ends it.
func NewBoard(w io.Writer, size func() (width, height int), now func() time.Time) *Board {
	stop := make(chan struct{})
	b := &Board{w: w, size: size, now: now, stop: sync.OnceFunc(func() { close(stop) }), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		t := time.NewTicker(boardTime)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				b.mu.Lock()
				b.draw()
				b.mu.Unlock()
			case <-stop:
				return
			}
		}
	}()
	return b
}

// Began adds an account.
func (b *Board) Began(account string) {
	b.Show(control.Progress{Account: account})
}

// Show notes how far a pass got; it adds the account when it is not there, and takes it away when its pass has ended.
func (b *Board) Show(p control.Progress) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.rows, func(r *row) bool { return r.Account == p.Account })
	switch {
	case p.Ended && i >= 0:
		b.rows = slices.Delete(b.rows, i, i+1)
	case p.Ended:
	case i >= 0 && b.rows[i].isOther(p):
		b.rows[i] = &row{Progress: p, began: b.since(p)}
		b.sort()
	case i >= 0:
		b.rows[i].Progress = p
	default:
		b.rows = append(b.rows, &row{Progress: p, began: b.since(p)})
		b.sort()
	}
}

// sort puts passes that wait for their turn last: there may not be room for all.
func (b *Board) sort() {
	slices.SortStableFunc(b.rows, func(x, y *row) int {
		return cmp.Or(x.rank()-y.rank(), x.began.Truncate(time.Second).Compare(y.began.Truncate(time.Second)), strings.Compare(x.Account, y.Account))
	})
}

// since is when a pass began, as far as that is known.
func (b *Board) since(p control.Progress) time.Time {
	if now := b.now(); p.Started.IsZero() || p.Started.After(now) {
		return now
	}
	return p.Started
}

// Ended takes an account away.
func (b *Board) Ended(account string) {
	b.Show(control.Progress{Account: account, Ended: true})
}

// Write puts lines of the log above the rows.
func (b *Board) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || b.held == 0 && len(b.drawn) == 0 && len(b.log) == 0 {
		return b.w.Write(p)
	}
	b.log = append(b.log, p...)
	switch {
	case b.held == 0 && len(b.log) > 64<<10:
		b.draw()
	case b.held > 0 && len(b.log) > mostKept:
		_, _ = b.w.Write(b.log)
		b.log = nil
	}
	return len(p), nil
}

// Hold clears the rows so that somebody else may use the terminal until release is called; lines wait until then.
func (b *Board) Hold() (release func()) {
	if b == nil {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	b.held++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.held--; b.held == 0 {
			b.draw()
		}
	}
}

// Close clears the rows for good; what comes after goes straight to the terminal.
func (b *Board) Close() {
	if b == nil {
		return
	}
	b.stop()
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = 0
	b.clear()
	_, _ = b.w.Write(b.log) // a line without its end
	b.log, b.over = nil, true
}

// clear takes the rows from the screen and writes the log that waits.
func (b *Board) clear() {
	rows := b.rows
	b.rows = nil
	b.draw()
	b.rows = rows
}

// draw brings the screen up to date, by one write: else it would flicker.
func (b *Board) draw() {
	if b.held > 0 || b.over {
		return
	}
	width, height := b.size()
	if width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	lines := b.lines(width, height)
	// A line without its end stays for later.
	whole := bytes.LastIndexByte(b.log, '\n') + 1
	if whole == 0 && slices.Equal(lines, b.drawn) {
		return
	}
	var out bytes.Buffer
	// In a window that was made smaller since, rows may take more lines than these; then the first stay there. Never are
	// they less, so nothing else is erased.
	if n := len(b.drawn); n > 0 {
		fmt.Fprintf(&out, "\r\x1b[%dA\x1b[J", n)
	}
	out.Write(b.log[:whole])
	for _, l := range lines {
		out.WriteString(l + "\n")
	}
	b.log = append(b.log[:0], b.log[whole:]...)
	b.drawn = lines
	_, _ = b.w.Write(out.Bytes()) // a terminal that is gone: the passes go on
}

// lines are the rows as text, as many and as long as the terminal has room for.
func (b *Board) lines(width, height int) []string {
	now := b.now()
	shown := b.rows
	// The cursor stands below, and a screen full of rows would leave nothing of the log.
	room := max(1, min(boardLines+1, height/2))
	if len(shown) > min(boardLines, room) {
		shown = shown[:max(0, min(boardLines, room-1))]
	}
	var cells [][]string
	for _, r := range shown {
		cells = append(cells, r.cells(now))
	}
	lines := screen.Align(cells)
	if more := len(b.rows) - len(shown); more > 0 && len(shown) > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	} else if more > 0 {
		lines = append(lines, words.Number(more, "account")+" running")
	}
	for i, l := range lines {
		l = foreign.ASCII(words.Clip(l))            // it is cut, and written past what knows the locale
		lines[i] = l[:min(len(l), max(1, width-1))] // the last column makes some terminals wrap
	}
	return lines
}
