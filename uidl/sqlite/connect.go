package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"

	"github.com/popsync/popsync/uidl"
)

// access is what a pool may do with the database file.
type access int

const (
	readOnly access = iota
	readWrite
)

const (
	applicationID = 0x706f7073 // "pops", in the file's header: file(1) and we know a ledger by it
	busyTimeout   = 10_000     // milliseconds to wait for another process's transaction
	// Pages of write-ahead log after which a commit moves them into the database: 16 MiB. Commits of 500 rows with
	// random UIDs among 100,000 touch 500 pages or so each; at SQLite's 1,000 every second one would pay.
	checkpointPages = 4_000
	walKept         = 1 << 20 // octets that the -wal file keeps after that, for reuse
)

// openPool describes connections to the database file, which must exist; nothing is opened yet. The pragmas are those
// that change nothing in the file; the file's own mode, WAL, was set when it was created and openWriter asserts it.
func openPool(path string, a access) *sql.DB {
	q := url.Values{}
	q.Set("_defensive", "1")
	q.Set("_error_rc", "1")
	q.Set("_dqs", "0")
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout))
	q.Add("_pragma", "cell_size_check(1)") // meets damage as an error, early
	q.Add("_pragma", "trusted_schema(0)")
	if a == readOnly {
		q.Set("mode", "ro")
		q.Add("_pragma", "cache_size(-1024)") // KiB: a reader passes each page once
	} else {
		q.Set("mode", "rw") // never creates: an empty ledger is made in create.go only
		q.Set("_txlock", "immediate")
		q.Add("_pragma", "synchronous(FULL)") // NORMAL would not sync at commit
		q.Add("_pragma", "fullfsync(1)")      // macOS: through the drive's cache too
		q.Add("_pragma", "checkpoint_fullfsync(1)")
		q.Add("_pragma", "foreign_keys(1)")
		q.Add("_pragma", fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages))
		q.Add("_pragma", fmt.Sprintf("journal_size_limit(%d)", walKept))
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		panic(err) // the driver is linked in: sqlite.go imports it
	}
	return db
}

// identify tells a ledger, or a backup of one, and its schema version from other files, reading only.
func identify(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (version int, err error) {
	var app int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return 0, asForeign(err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, err
	}
	if app != applicationID && app != backupID {
		return 0, fmt.Errorf("%w: it is the database of another program (application_id %d)", uidl.ErrForeign, app)
	}
	if version < 1 {
		return 0, fmt.Errorf("%w: schema version %d", uidl.ErrCorrupt, version)
	}
	if known := len(migrations()); version > known {
		return 0, fmt.Errorf("%w: schema %d, this one knows %d", uidl.ErrNewer, version, known)
	}
	// Reads the schema, so that a file cut short shows now and not in the midst of a pass.
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(new(int)); err != nil {
		return 0, err
	}
	return version, nil
}

// assertPragmas fails unless the connection has what durability rests on: a misspelt pragma is silent.
func assertPragmas(ctx context.Context, c *sql.Conn) error {
	for _, p := range [...]struct{ name, want string }{
		{"journal_mode", "wal"},
		{"synchronous", "2"},
		{"foreign_keys", "1"},
		{"busy_timeout", strconv.Itoa(busyTimeout)},
	} {
		var got string
		if err := c.QueryRowContext(ctx, "PRAGMA "+p.name).Scan(&got); err != nil {
			return err
		}
		if got != p.want {
			return fmt.Errorf("PRAGMA %s is %q, not %q: commits would not be durable", p.name, got, p.want)
		}
	}
	return nil
}
