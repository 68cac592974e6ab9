package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/words"
)

// file appends lines to a file that a rotation may take away at any time. A line that the file does not take, be it
// that the disk is full, goes to the fallback: no line is lost, and nobody who logs gets an error or waits. The
// beginning of such a time is told once, on the fallback. Safe for concurrent use.
type file struct {
	path     string
	fallback io.Writer // standard error; its own errors are ignored, because there is nobody left to tell

	mu     sync.Mutex
	file   io.WriteCloser // nil while it cannot be opened: every line tries again
	torn   bool           // the file ends with a piece of a line
	told   bool           // the fallback knows
	closed bool
}

// openFile opens the file for appending, and makes it, for the user alone, when there is none.
func openFile(path string, fallback io.Writer) (*file, error) {
	f, err := openAppend(path)
	if err != nil {
		return nil, fmt.Errorf("log.file: %w", err)
	}
	return &file{path: path, fallback: fallback, file: f}, nil
}

// openAppend does not wait for a reader, as a FIFO would have it.
func openAppend(path string) (*os.File, error) {
	f, err := safepath.Append(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Write takes one line. It never fails.
func (l *file) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil && !l.closed {
		l.open()
	}
	if l.file != nil {
		err := l.append(line)
		if err == nil {
			l.told = false
			return len(line), nil
		}
		l.tell(err)
	}
	_, _ = l.fallback.Write(line)
	return len(line), nil
}

// append writes the line. After a piece of an earlier one it begins on a line of its own.
func (l *file) append(line []byte) error {
	if l.torn {
		if _, err := l.file.Write([]byte{'\n'}); err != nil {
			return err
		}
		l.torn = false
	}
	n, err := l.file.Write(line)
	l.torn = err != nil && n > 0
	return err
}

// Reopen closes the file and opens what now has its name. It waits for a line that is being written, so that none falls
// between the two.
func (l *file) Reopen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.shut()
	l.open()
}

// Close ends the writing to the file.
func (l *file) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.shut()
}

func (l *file) open() {
	f, err := openAppend(l.path)
	if err != nil {
		l.tell(err)
		return
	}
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		l.torn = false
	}
	l.file = f
}

func (l *file) shut() {
	if l.file == nil {
		return
	}
	if err := l.file.Close(); err != nil { // a network file system tells here that it took less than it said
		l.tell(err)
	}
	l.file = nil
}

func (l *file) tell(err error) {
	if l.told {
		return
	}
	l.told = true
	_, _ = fmt.Fprintf(l.fallback, "popsync: log.file: %s; its lines come here until it can be written again\n", words.Clip(err.Error()))
}
