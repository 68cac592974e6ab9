package console

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/transcript"
)

// Trace begins the transcript that --trace asks for, in a new file. over ends it, and says where it is.
func (c *Console) Trace(file string) (t *transcript.File, over func(), err error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, nil, exit.With(exit.Config, err)
	}
	switch t, err = transcript.Create(path); {
	case errors.Is(err, fs.ErrExist):
		return nil, nil, exit.With(exit.Config, nextstep.With(fmt.Errorf("--trace: %s is there already, and nothing is replaced", path), "name another file"))
	case err != nil:
		return nil, nil, exit.With(exit.Config, fmt.Errorf("--trace: no file could be made: %w", err))
	}
	return t, func() {
		if err := t.Close(); err != nil {
			fmt.Fprintf(c.Err, "popsync: the transcript is not complete: %v\n", err)
		} else if c.ErrTerm {
			fmt.Fprintf(c.Err, "popsync: what passed on the wire is in %s: no passwords and no mail, but names of users, servers and recipients\n", path)
		}
	}, nil
}
