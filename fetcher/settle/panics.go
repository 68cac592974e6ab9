package settle

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
)

// KeepAlive is the time between two NOOPs.
const KeepAlive = 4 * time.Minute

// Caught turns a panic into an error, on a goroutine that Run cannot guard, or where another one waits for this one.
func Caught(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	return f()
}

// PanicError is a panic of our own code, caught at the account's boundary.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("popsync panicked: %v", e.Value) }

func (e *PanicError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Class, v.Hint = verdict.Internal, "this is a fault of popsync: please report it; the other accounts and messages go on"
	return v
}
