package sqlite

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// refuseNetwork refuses a directory on a network filesystem: the write-ahead log needs memory that all processes
// share, and a lock there need not exclude anybody.
func refuseNetwork(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if name := networkName(int64(st.Type)); name != "" {
		return fmt.Errorf("%s is on a network filesystem (%s), where a ledger is not safe: set state_dir to a local disk",
			dir, name)
	}
	return nil
}

// networkName names a filesystem by its statfs magic, "" when it is local for all we know. FUSE and 9p are let
// through: sshfs and a virtual machine's local share look the same.
func networkName(magic int64) string {
	switch magic & 0xffffffff { // Type is signed and 32 bits wide on some machines
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS"
	case unix.CEPH_SUPER_MAGIC:
		return "Ceph"
	}
	return ""
}
