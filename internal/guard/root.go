// Package guard keeps popsync from what would hurt whoever runs it: to work as root on what belongs to somebody else, to keep state
// where others could change it, and to leave passwords in a core dump.
//
// The program calls it before it makes anything.
package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
)

// Root refuses to work as root on what belongs to somebody else: what root makes there, he could not read any more. It
// is state_dir that decides, before anything is made: a service of root has one of its own, and may bring mail to
// whomever it likes. Nothing overrides it but chown, since who has the folder could lead root astray: see internal/safepath.
func Root(places ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, path := range places {
		at, uid := OwnerOfPlace(path)
		if uid == 0 {
			continue
		}
		id := strconv.Itoa(int(uid))
		owner, mend := "user "+id, fmt.Sprintf("run it as that user: --user %[1]s of docker and podman, runAsUser: %[1]s in Kubernetes; or make it root's: chown -R root %[2]s",
			id, safepath.Quote(at))
		if u, err := user.LookupId(id); err == nil {
			owner, mend = u.Username, "run it as that user, for example: sudo -u "+safepath.Quote(u.Username)+" popsync run"
		}
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("popsync was started as root, and %s belongs to %s, who could not use what root makes there", at, owner), mend))
	}
	return nil
}

// OwnerOfPlace is who has a place, or the nearest folder above it that there is: at.
func OwnerOfPlace(path string) (at string, uid uint32) {
	for {
		info, err := os.Stat(path)
		if above := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && above != path {
			path = above
			continue
		}
		if err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				return path, st.Uid
			}
		}
		return path, 0 // whoever opens it will see
	}
}
