package sqlite

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// What a migration costs, with as many rows as UIDL_ROWS says: docs/ledger-format.md has the figures of a million.
func TestMigrationCost(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("UIDL_ROWS"))
	if n == 0 {
		n = 2_000
	}
	dir := firstLedger(t, `INSERT INTO account (id, name, listed_at) VALUES (1, 'big', 1)`,
		`INSERT INTO destination (account, name, identity) VALUES (1, 'maildir', '1 x /y')`,
		`INSERT INTO message (account, uid, dup, state, size, first_seen, first_day, octets, sha256, fp)
			WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < `+strconv.Itoa(n)+`)
			SELECT 1, CAST(printf('%020x', i * 7919) AS BLOB), 0, 2, 2000 + i, 1728000000, 20, 2000 + i, randomblob(32), randomblob(16) FROM n`)
	size := func() int64 { return fileSizes(t, dir) }
	before := size()
	start := time.Now()
	l := mustOpen(t, dir)
	took := time.Since(start)
	high := size()
	l.Close()
	after := size()
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	db := openPool(filepath.Join(dir, databaseName), readOnly)
	defer db.Close()
	var pages, free int64
	db.QueryRow("SELECT page_count FROM pragma_page_count()").Scan(&pages)
	db.QueryRow("SELECT freelist_count FROM pragma_freelist_count()").Scan(&free)
	t.Logf("%d rows: %v; files %d before, %d at most, %d after, of which %d are in use; process at most %d KiB", n, took, before, high, after,
		(pages-free)*4096, u.Maxrss)
	if used := (pages - free) * 4096; used > before+before/10+100_000 {
		t.Errorf("%d octets became %d", before, used)
	}
}
