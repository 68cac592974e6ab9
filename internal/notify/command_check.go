package notify

import (
	"errors"
	"fmt"
	"io/fs"

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
