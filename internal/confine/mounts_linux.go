//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

var (
	devices = []string{"null", "zero", "full", "random", "urandom", "tty"}
	homes   = []string{"/home", "/root", "/run/user"}
)

// mounts gives the calling thread a file system of its own, in which all is read-only but what was asked for.
func (s Sandbox) mounts(read []string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	// What is wanted is taken hold of before its place is covered.
	type held struct {
		path string
		dir  bool
		fd   int
	}
	var all []held
	hold := func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return &os.PathError{Op: "open_tree", Path: path, Err: err}
		}
		all = append(all, held{path, info.IsDir(), fd})
		return nil
	}
	for _, path := range append(read, s.Write...) {
		if err := hold(path); err != nil {
			return err
		}
	}
	for _, name := range devices {
		if err := hold("/dev/" + name); err != nil {
			return err
		}
	}
	if err := cover(); err != nil {
		return err
	}
	for _, h := range all {
		err := os.MkdirAll(filepath.Dir(h.path), 0o755)
		if err == nil && h.dir {
			err = os.MkdirAll(h.path, 0o755)
		} else if _, missing := os.Stat(h.path); err == nil && missing != nil {
			err = os.WriteFile(h.path, nil, 0o644)
		}
		if err == nil {
			err = unix.MoveMount(h.fd, "", unix.AT_FDCWD, h.path, unix.MOVE_MOUNT_F_EMPTY_PATH)
		}
		if err = errors.Join(err, unix.Close(h.fd)); err != nil {
			return fmt.Errorf("showing %s: %w", h.path, err)
		}
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("ProtectSystem: %w", err)
	}
	for _, path := range append([]string{"/tmp", "/var/tmp", "/proc"}, s.Write...) {
		if err := unix.MountSetattr(unix.AT_FDCWD, path, 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return &os.PathError{Op: "mount_setattr", Path: path, Err: err}
		}
	}
	return nil
}

// cover hides /tmp, the devices, the homes and other processes.
func cover() error {
	umask := unix.Umask(0) // of the thread alone since it has mounts of its own
	defer unix.Umask(umask)
	mount := func(kind, path string, flags uintptr, data string) error {
		if err := unix.Mount(kind, path, kind, flags|unix.MS_NOSUID, data); err != nil {
			return fmt.Errorf("mounting %s: %w", path, err)
		}
		return nil
	}
	err := errors.Join(
		mount("tmpfs", "/tmp", unix.MS_NODEV, "mode=1777"),
		mount("tmpfs", "/var/tmp", unix.MS_NODEV, "mode=1777"),
		mount("tmpfs", "/dev", unix.MS_NOEXEC, "mode=755"),
		mount("proc", "/proc", unix.MS_NODEV|unix.MS_NOEXEC, "hidepid=invisible,subset=pid"),
		os.Symlink("/proc/self/fd", "/dev/fd"),
		os.Symlink("/proc/self/fd/2", "/dev/stderr"),
	)
	for _, path := range homes {
		if _, missing := os.Stat(path); missing == nil {
			err = errors.Join(err, mount("tmpfs", path, unix.MS_NODEV|unix.MS_NOEXEC, "mode=0"))
		}
	}
	return err
}
