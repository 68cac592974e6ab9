package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// trusted looks whether nobody else could have replaced a program: neither it nor a folder on the way to it may be
// writable by group or others, but for folders with the sticky bit.
func trusted(program string) error {
	file, err := filepath.EvalSymlinks(program)
	if err != nil {
		return cause(err)
	}
	if info, err := os.Stat(file); err != nil {
		return cause(err)
	} else if !info.Mode().IsRegular() {
		return errors.New("not a file")
	}
	// The folders of the link count as much as those of the file: there another link could be put.
	for _, p := range []string{file, filepath.Dir(program)} {
		for {
			info, err := os.Stat(p)
			if err != nil {
				return cause(err)
			}
			if info.Mode()&0o022 != 0 && !(info.IsDir() && info.Mode()&fs.ModeSticky != 0) {
				return fmt.Errorf("others can write to %s; say: chmod go-w %s", p, p)
			}
			if p == filepath.Dir(p) {
				break
			}
			p = filepath.Dir(p)
		}
	}
	return nil
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
