package command

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
)

// Only the three standard descriptors, even if popsync was given more, and the first cannot be written to.
func TestDescriptors(t *testing.T) {
	inherited, err := syscall.Open("/", syscall.O_RDONLY, 0)
	must(t, err)
	defer syscall.Close(inherited)
	path := script(t, `exec ls /proc/self/fd >"$1"`)
	out := filepath.Join(filepath.Dir(path), "out")
	must(t, sender(t, Options{Args: []string{path, out}}).Send(context.Background(), outgoing(hello)))
	if got := read(t, out); got != "0\n1\n2\n3\n" { // 3 is the folder that ls reads
		t.Errorf("open: %q", got)
	}
	file := script(t, `[ -f /dev/stdin ]`) // a pipe would end like a message when popsync is killed
	must(t, sender(t, Options{Args: []string{file}}).Send(context.Background(), outgoing(hello)))
	write := script(t, `echo x 2>/dev/null >&0 && exit 1; exit 0`)
	must(t, sender(t, Options{Args: []string{write}}).Send(context.Background(), outgoing(hello)))
}
