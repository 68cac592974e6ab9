package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
)

// A backup has another application_id than a ledger, and nothing else differs. By that it is known when it is put back: it
// may lack whatever was delivered since, also by the pass that was running when it was made, of which no note of a later lease
// tells. Who opens it says what becomes of each account's facts then, in the commit that makes a ledger of it again.
const (
	backupID   = 0x706f7062 // "popb"
	headerIDAt = 68         // where the application_id stands in the first page, big-endian (SQLite's file format, section 1.3)
)

var errRestored = errors.New("it is a backup that was put back, and this command does not know what to do with it")

// asBackup is the first page of a ledger as a backup has it.
func asBackup(page []byte) []byte {
	page = bytes.Clone(page)
	binary.BigEndian.PutUint32(page[headerIDAt:], backupID)
	return page
}

// isBackup tells a backup that was put back from a ledger.
func isBackup(ctx context.Context, db *sql.DB) (bool, error) {
	var app int64
	err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app)
	return app == backupID, err
}

// putBack makes a ledger of a backup that was put back.
func (l *Ledger) putBack(ctx context.Context, facts func([]byte) []byte) (err error) {
	if facts == nil {
		return errRestored
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	db := openPool(l.path, readWrite)
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if still, err := isBackup(ctx, db); err != nil || !still { // another process may have been first
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	type stored struct {
		id    int64
		facts []byte
	}
	var all []stored
	err = collect(&all, func(scan func(...any) error) (s stored, err error) {
		err = scan(&s.id, &s.facts)
		return s, err
	})(tx.QueryContext(ctx, `SELECT id, facts FROM account`))
	if err != nil {
		return err
	}
	for _, s := range all {
		if _, err := tx.ExecContext(ctx, `UPDATE account SET facts = ? WHERE id = ?`, facts(s.facts), s.id); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	return tx.Commit()
}
