//go:build !linux

package main

import "golang.org/x/sys/unix"

// noDump sees to it that the memory of the process, which holds passwords for moments, is not written to a core dump.
func noDump() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
