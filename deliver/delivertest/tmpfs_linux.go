package delivertest

import (
	"os"
	"syscall"
	"testing"
)

// Tmpfs mounts a small filesystem for the time of a test, and gives its path; options are those of mount(8). It needs root:
// without, the test is skipped, but in CI it fails.
func Tmpfs(t testing.TB, options string) string {
	t.Helper()
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: mounting a tmpfs to fill, which needs root: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(path, syscall.MNT_DETACH) })
	Must(t, os.Chmod(path, 0o700)) // a tmpfs is everybody's
	return path
}
