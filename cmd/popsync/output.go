package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// notedWriter is standard output. It remembers that something could not be written, so that no command has to look after
// each line: who reads half of a status takes it for the whole.
type notedWriter struct {
	w   io.Writer
	mu  sync.Mutex
	err error // the first
}

func (n *notedWriter) Write(b []byte) (int, error) {
	c, err := n.w.Write(b)
	if err != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.err == nil {
			n.err = err
		}
	}
	return c, err
}

// judged is the end of a command: what could not be written makes it fail, unless it failed for another reason already,
// which tells more.
func (n *notedWriter) judged(err error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if ours, _ := errors.AsType[*exitError](err); n.err == nil || ours != nil {
		return err
	}
	return &exitError{exitIO, &hintError{fmt.Errorf("standard output: %w", n.err), "see that there is room where it leads to; what was done stays done"}}
}
