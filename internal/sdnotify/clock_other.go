//go:build !linux

package sdnotify

// monotonicUsec is 0: systemd is for Linux.
func monotonicUsec() int64 { return 0 }
