package maildir

import (
	"os"
)

// OnRename puts f around every rename of a Maildir that is published.
func (m *Target) OnRename(f func(name string, rename func() error) error) {
	was := m.rename
	m.rename = func(olddir *os.File, oldname string, newdir *os.File, newname string) error {
		return f(oldname, func() error { return was(olddir, oldname, newdir, newname) })
	}
}
