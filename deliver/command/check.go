package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/safepath"
)

// Check looks whether the program and the working directory are there, and whether nobody else could have replaced the
// program: it, every folder on the way to it and every link must be root's or this user's, and nobody else may write there
// (safepath.Program). It runs nothing. Send looks first, too.
func (s *Sender) Check(context.Context, string) error {
	hint, person, err := s.check()
	if err == nil {
		return nil
	}
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == s.Place() {
		err = path.Err // it would say the path again
	}
	return &deliver.Error{Op: "check", Place: s.Place(), Scope: deliver.WholeTarget, Permanent: person, Hint: hint, Err: err}
}

// check tells what is wrong, and whether only a person mends it.
func (s *Sender) check() (hint string, person bool, err error) {
	err = safepath.Program(s.Place(), false)
	var fault *safepath.Error
	switch {
	case errors.As(err, &fault):
		return fault.Mend, true, err
	case errors.Is(err, safepath.ErrNotExecutable):
		return "chmod +x " + safepath.Quote(s.Place()), true, err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "is it installed, and may the user that runs popsync see it?", true, err
	case err != nil:
		return "", false, err
	}
	if info, err := os.Stat(s.o.Dir); err != nil || !info.IsDir() {
		return "see 'dir' of this destination", true, fmt.Errorf("%s is not a folder that can be entered", s.o.Dir)
	}
	return "", false, nil
}
