package tokens

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/program"
	"github.com/popsync/popsync/internal/safepath"
)

const (
	commandTime  = 60 * time.Second
	commandGrace = 2 * time.Second
)

// command is a program that keeps records. Its arguments are in no error: only the program is named.
type command []string

func (c command) get(ctx context.Context, _ *os.File, name string) ([]byte, error) {
	out, err := c.run(ctx, "get", name, nil)
	if strings.TrimSpace(out) == "" {
		return nil, err
	}
	return []byte(out), err
}

func (c command) put(ctx context.Context, _ *os.File, name string, b []byte) error {
	_, err := c.run(ctx, "store", name, b)
	return err
}

func (c command) erase(ctx context.Context, _ *os.File, name string) error {
	_, err := c.run(ctx, "erase", name, nil)
	return err
}

var errTooMuch = fmt.Errorf("printed more than %d bytes", maxRecord)

func (c command) run(ctx context.Context, word, name string, input []byte) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("the program that keeps tokens, %q, did not %s one: %w", c[0], word, err)
	}
	if !filepath.IsAbs(c[0]) {
		return fail(errors.New("it must be named by its whole path"))
	}
	if err := safepath.Program(c[0], true); err != nil {
		return fail(safepath.WithNextStep(err))
	}
	job := program.Job{
		Args: append(slices.Clone(c), word, name), Env: program.Environ(), Stdout: &program.Output{Head: maxRecord, Refuse: errTooMuch},
		Timeout: commandTime, Drain: commandGrace,
	}
	if input != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return fail(err)
		}
		defer r.Close()
		go func() { // ends at the latest when r is closed
			_, _ = w.Write(input) // a program that did not read all tells by its exit code whether it has it
			w.Close()
		}()
		job.Stdin = r
	}
	end, err := program.Run(ctx, job)
	if err != nil {
		return fail(err)
	}
	out, _, full := job.Stdout.Kept()
	switch {
	case full:
		return fail(errTooMuch)
	case end.Stopped != nil && ctx.Err() != nil:
		return fail(context.Cause(ctx))
	case end.Stopped != nil:
		return fail(fmt.Errorf("no answer within %v", commandTime))
	case end.Err != nil:
		return fail(end.Err)
	}
	return out, nil
}
