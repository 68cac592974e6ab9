package maildir

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// cleanAge is when what lies in tmp/ is left over, as Dovecot and go-maildir have it.
const cleanAge = 36 * time.Hour

// Clean removes what is older than 36 hours from tmp/, whoever left it there, but no folder. It is called after recovery:
// then no ledger row of this account names a file in tmp/.
func (m *Target) Clean() error {
	if m.place == nil {
		return &deliver.Error{Op: "clean", Place: m.opts.Path, Scope: deliver.WholeTarget, Err: disk.ErrNotIdentified}
	}
	if err := m.place.checkAll(); err != nil {
		return err
	}
	tmp := m.place.tmp
	return disk.Failed("clean", m.opts.Path, disk.EachName(tmp, func(name string) error {
		st, err := disk.StatAt(tmp, name)
		if err != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR || time.Since(time.Unix(st.Mtim.Unix())) <= cleanAge {
			return nil // what is gone or cannot be looked at is left
		}
		return m.place.unlinkStaged(name)
	}))
}
