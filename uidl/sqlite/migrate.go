package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
)

//go:embed migrations/1.sql migrations/2.sql
var migrationFiles embed.FS

// migrations returns the SQL that leads from each schema version to the next; the first makes schema 1 of nothing.
// A migration that was released is never edited: the next one mends it.
func migrations() []string {
	names := [...]string{"migrations/1.sql", "migrations/2.sql"}
	steps := make([]string, len(names))
	for i, name := range names {
		b, err := migrationFiles.ReadFile(name)
		if err != nil {
			panic(err) // embedded above: it cannot be missing in a build
		}
		steps[i] = string(b)
	}
	return steps
}

// migrate runs the steps above version, each in a transaction of its own that also counts it: a process killed here
// leaves the version before or after, and the next start goes on.
func migrate(ctx context.Context, c *sql.Conn, version int, steps []string) error {
	for ; version < len(steps); version++ {
		if err := migrateOne(ctx, c, version+1, steps[version]); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
	}
	return nil
}

func migrateOne(ctx context.Context, c *sql.Conn, version int, step string) error {
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// Both numbers are part of the file's header page and so of the transaction.
	for _, q := range []string{
		step,
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", version),
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return tx.Commit()
}
