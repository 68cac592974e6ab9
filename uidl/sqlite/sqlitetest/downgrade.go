// Package sqlitetest changes the database of a SQLite ledger behind its back, for the tests of those who use one.
package sqlitetest

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
)

// Downgrade turns the ledger in dir into one of schema 1, for tests of what a real migration does to rows that this
// program wrote. Nobody may have it open. schema is the text of uidl/sqlite/migrations/1.sql. What schema 1 cannot say is lost:
// then facts are, and become those of the migration. The driver is that of package uidl/sqlite.
func Downgrade(ctx context.Context, dir, schema string) (err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "ledger.db")+"?mode=rw")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	tables := []string{"account", "destination", "message", "delivery", "pass"}
	var steps []string
	for _, table := range tables {
		steps = append(steps, fmt.Sprintf("ALTER TABLE %s RENAME TO %[1]s_newer", table))
	}
	steps = append(steps, schema,
		`INSERT INTO account (id, name, epoch, listings, listing_days, listed_at, succeeded_at, next_try, failures, verdict, facts)
			SELECT id, name, epoch, listings, listings, listed_at, succeeded_at, next_try, failures, verdict, facts FROM account_newer`,
		`INSERT INTO destination (id, account, name, identity)
			SELECT id, account, name, iif(identity LIKE 'spool2 %', 'spool', identity) FROM destination_newer ORDER BY account, ordinal`,
		`INSERT INTO message (account, uid, dup, state, size, first_seen, first_day, gone_at, gone_listing, attempts, next_try, reason, octets, sha256, fp)
			SELECT account, uid, dup, state, size, first_seen, 0, gone_at, gone_listing, attempts,
				iif(have & 12, 9223372036854775807, next_try), iif(have & 4, 'marked as seen, never fetched', reason),
				octets, sha256, fp FROM message_newer WHERE state < 6`,
		`INSERT INTO delivery SELECT * FROM delivery_newer`,
		`INSERT INTO pass SELECT * FROM pass_newer`,
		`PRAGMA user_version = 1`)
	for i := range tables {
		steps = append(steps, fmt.Sprintf("DROP TABLE %s_newer", tables[len(tables)-1-i]))
	}
	for _, q := range steps {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("downgrade: %.60s: %w", q, err)
		}
	}
	return tx.Commit()
}
