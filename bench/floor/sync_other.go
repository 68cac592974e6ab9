//go:build !linux

package floor

// sync makes files in tmp/ durable one by one, where there is no call for all of them.
func (m *maildir) sync(names []string) error {
	for _, name := range names {
		if err := syncPath(m.tmp + "/" + name); err != nil {
			return err
		}
	}
	return syncPath(m.tmp)
}
