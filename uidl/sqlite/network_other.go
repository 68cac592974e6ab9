//go:build !linux

package sqlite

// refuseNetwork cannot tell network filesystems here; docs/ledger-format.md asks for a local disk.
func refuseNetwork(string) error { return nil }
