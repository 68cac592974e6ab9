package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/popsync/popsync/internal/safepath"
)

// Check looks whether the program is there, and whether nobody else could have replaced it. It runs nothing. Send looks
// first, too. The text of its error ends with what to do.
func (c *Command) Check() error {
	err := safepath.Program(c.args[0], false)
	if err == nil {
		return nil
	}
	var fault *safepath.Error
	if errors.As(err, &fault) {
		return fmt.Errorf("%s: %w; say: %s", c.args[0], fault, fault.Mend)
	}
	return fmt.Errorf("%s: %w", c.args[0], cause(err))
}

// cause drops the path from an error that will be given one.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// closeInherited sees to it that descriptors which popsync was given when it was started, by a careless parent, are not
// passed on. All that Go opens is closed in a command anyway.
func closeInherited() {
	open, _ := os.ReadDir("/dev/fd") // where there is none there is nothing to be done
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// said keeps the first KiB of what a command says. It never refuses: a command must not fail because it talks much.
type said struct {
	mu   sync.Mutex // a descendant may still write
	text []byte
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p[:min(len(p), 1<<10-len(s.text))]...)
	return len(p), nil
}

// String is one line of printable characters.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return line(string(s.text))
}
