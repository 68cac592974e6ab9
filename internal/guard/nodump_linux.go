package guard

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// NoDump sees to it that the memory of the process, which holds passwords for moments, is not written to a core dump
// and not read by other programs of the same user. Who runs popsync under a tracer sees everything anyway, and nothing
// but nonsense if the memory were closed. Errors are ignored: it is a precaution, and popsync needs nothing of it.
func NoDump() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // for the commands that are run as well
	// The limit means nothing to a core_pattern that is a pipe, as with systemd-coredump.
	if status, err := os.ReadFile("/proc/self/status"); err != nil || bytes.Contains(status, []byte("\nTracerPid:\t0\n")) {
		_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
}
