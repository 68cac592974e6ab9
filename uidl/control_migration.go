//go:build !control_migration

package uidl

// controlMigrations are steps that no release has: see control_migration_on.go.
func controlMigrations() []string { return nil }
