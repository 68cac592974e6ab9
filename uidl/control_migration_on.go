//go:build control_migration

package uidl

// controlMigrations is a next schema for a build that shows what a kill in the midst of a migration leaves
// (docs/reliability.md): a column and an index of the largest table, and a change of every row.
func controlMigrations() []string {
	return []string{`ALTER TABLE message ADD COLUMN remark TEXT NOT NULL DEFAULT '';
		CREATE INDEX message_state ON message (account, state);
		UPDATE message SET remark = hex(uid)`}
}
