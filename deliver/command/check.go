package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/popsync/popsync/deliver"
)

// Check looks whether the program and the working directory are there, and whether nobody else could have replaced the
// program: neither it nor a folder on the way to it may be writable by group or others, but for folders with the sticky
// bit. It runs nothing. Send looks first, too.
func (s *Sender) Check(context.Context, string) error {
	hint, err := s.check()
	if err == nil {
		return nil
	}
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == s.Place() {
		err = path.Err // it would say the path again
	}
	return &deliver.Error{Op: "check", Place: s.Place(), Scope: deliver.WholeTarget, Hint: hint, Err: err}
}

func (s *Sender) check() (hint string, err error) {
	file, err := filepath.EvalSymlinks(s.Place())
	if err != nil {
		return "is it installed, and may the user that runs popsync see it?", err
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", errors.New("not a file")
	case info.Mode()&0o111 == 0:
		return "chmod +x " + file, errors.New("not executable")
	}
	// The folders of the link count as much as those of the file: there another link could be put.
	for _, p := range []string{file, filepath.Dir(s.Place())} {
		for {
			if err := owned(p); err != nil {
				return "chmod go-w " + p, err
			}
			up := filepath.Dir(p)
			if up == p {
				break
			}
			p = up
		}
	}
	if info, err := os.Stat(s.o.Dir); err != nil || !info.IsDir() {
		return "see 'dir' of this destination", fmt.Errorf("%s is not a folder that can be entered", s.o.Dir)
	}
	return "", nil
}

// owned tells whether only the owner can change p.
func owned(p string) error {
	info, err := os.Stat(p)
	if err != nil {
		return err
	}
	if info.Mode()&0o022 != 0 && !(info.IsDir() && info.Mode()&fs.ModeSticky != 0) {
		return fmt.Errorf("others can write to %s", p)
	}
	return nil
}
