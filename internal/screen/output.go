package screen

import (
	"io"
	"sync"
)

// Output is standard output. It remembers that something could not be written, so that no command has to look after
// each line: who reads half of a status takes it for the whole. Safe for concurrent use if W is.
type Output struct {
	W io.Writer

	mu  sync.Mutex
	err error
}

func (o *Output) Write(b []byte) (int, error) {
	n, err := o.W.Write(b)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// Err is the first error of a Write; nil: all was written.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
