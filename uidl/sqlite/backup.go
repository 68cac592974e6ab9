package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io"

	"github.com/popsync/popsync/uidl"
)

// Backup writes the database to w as it is at one moment, what stands in the write-ahead log included: a file with these
// octets may be put in the place of a ledger (see Options.Restored). It returns how many there were. Whoever commits meanwhile,
// here or in another process, does not wait for it; only the log cannot be emptied before it ends. An error of w ends it.
func (l *Ledger) Backup(ctx context.Context, w io.Writer) (octets int64, err error) {
	err = l.snapshot(ctx, func(tx *sql.Tx) (err error) {
		octets, err = copyPages(ctx, tx, w)
		return err
	})
	if err != nil {
		return octets, fmt.Errorf("back up ledger: %w", l.explain(err))
	}
	return octets, nil
}

// copyPages writes the pages of a snapshot in their order. They come from SQLite's pager by a virtual table, so nobody opens
// the file by a path, and nothing is written twice.
func copyPages(ctx context.Context, tx *sql.Tx, w io.Writer) (octets int64, err error) {
	var size, count int64
	if err := tx.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err != nil {
		return 0, err
	}
	if err := tx.QueryRowContext(ctx, "PRAGMA page_count").Scan(&count); err != nil {
		return 0, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT pgno, data FROM sqlite_dbpage ORDER BY pgno")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	next := int64(1)
	for ; rows.Next(); next++ {
		var number int64
		var page sql.RawBytes
		if err := rows.Scan(&number, &page); err != nil {
			return octets, err
		}
		if number != next || int64(len(page)) != size {
			return octets, fmt.Errorf("%w: page %d comes as page %d, with %d octets", uidl.ErrCorrupt, next, number, len(page))
		}
		if next == 1 {
			page = asBackup(page)
		}
		n, err := w.Write(page)
		octets += int64(n)
		if err != nil {
			return octets, err
		}
	}
	if err := rows.Err(); err != nil {
		return octets, err
	}
	if next-1 != count {
		return octets, fmt.Errorf("%w: it has %d pages, and %d came", uidl.ErrCorrupt, count, next-1)
	}
	return octets, nil
}
