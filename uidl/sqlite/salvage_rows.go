package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
)

// part is a table on its way from a damaged ledger into a new one.
type part struct {
	table string
	key   string // its primary key, to read it from both ends
	cols  string
	count func(*Salvaged) *int
}

// parts are the tables of a schema, in the order of their references.
func parts(version int) []part {
	account := "id, name, epoch, listings, listing_days, listed_at, succeeded_at, next_try, failures, verdict, facts"
	destination := "id, account, name, identity"
	message := "account, uid, dup, state, size, first_seen, first_day, gone_at, gone_listing, attempts, next_try, reason, octets, sha256, fp"
	if version > 1 {
		account = "id, name, token, epoch, generation, listings, listed_at, clock_confirmed, clock_aged, clock_ahead, clock_behind, " +
			"clock_loose, succeeded_at, next_try, failures, verdict, facts"
		destination = "id, account, ordinal, name, identity, role, born, since, rest"
		message = "account, uid, dup, state, size, first_seen, have, waived, generation, gone_at, gone_listing, attempts, next_try, " +
			"reason, octets, sha256, fp"
	}
	return []part{
		{"account", "id", account, func(s *Salvaged) *int { return &s.Accounts }},
		{"destination", "id", destination, func(s *Salvaged) *int { return &s.Destinations }},
		{"message", "account, uid, dup", message, func(s *Salvaged) *int { return &s.Messages }},
		{"delivery", "account, uid, dup, destination",
			"account, uid, dup, destination, state, seq, ticket, in_doubt, attempts, next_try, reason, at",
			func(s *Salvaged) *int { return &s.Deliveries }},
		{"pass", "account, n", "account, n, started, ended, ok, verdict, totals", func(*Salvaged) *int { return new(int) }},
	}
}

// fill makes a ledger of the damaged one's schema, carries over what can be read, and brings it up to date: an older one
// gets new columns by the same migrations as one that is whole.
func (s Salvage) fill(ctx context.Context, c *sql.Conn, out *Salvaged) error {
	steps := migrations()
	version := len(steps)
	var old *sql.DB
	if fi, err := os.Stat(out.Aside); err == nil && fi.Mode().IsRegular() && fi.Size() > 0 {
		db := openPool(out.Aside, readOnly)
		defer db.Close()
		if v, err := identify(ctx, db); err == nil {
			old, version = db, v
		}
	}
	if err := migrate(ctx, c, 0, steps[:version]); err != nil {
		return err
	}
	if old == nil {
		out.Unread = append(out.Unread, "all")
	} else if err := carry(ctx, c, old, version, out); err != nil {
		return err
	}
	if err := migrate(ctx, c, version, steps); err != nil {
		return err
	}
	return s.complete(ctx, c)
}

// carry reads what can be read of the damaged ledger and writes it to the new one, in one transaction. What the schema
// refuses, because its other half is gone or because it is nonsense, stays behind.
func carry(ctx context.Context, c *sql.Conn, old *sql.DB, version int, out *Salvaged) error {
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, p := range parts(version) {
		if err := p.carry(ctx, old, tx, out); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// complete adds the accounts that must be there, with a new token, and makes what a lost destination had a former one's: its
// ordinal will be given to another.
func (s Salvage) complete(ctx context.Context, c *sql.Conn) error {
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, name := range s.Accounts {
		if _, err := tx.ExecContext(ctx, `INSERT INTO account (name, epoch) VALUES (?, 1) ON CONFLICT (name) DO NOTHING`, name); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE message SET have = (have & k.places) | (have & ~k.places <> 0), waived = nullif(waived & k.places, 0)
		FROM (SELECT id, 15 + (SELECT coalesce(sum(16 << ordinal), 0) FROM destination WHERE account = a.id) AS places
			FROM account AS a) AS k
		WHERE message.account = k.id AND (have & ~k.places <> 0 OR waived & ~k.places <> 0)`)
	if err != nil {
		return err
	}
	if err := s.changeFacts(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (s Salvage) changeFacts(ctx context.Context, tx *sql.Tx) error {
	if s.Facts == nil {
		return nil
	}
	facts := map[int64][]byte{}
	rows, err := tx.QueryContext(ctx, `SELECT id, facts FROM account`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var b []byte
		if err := rows.Scan(&id, &b); err != nil {
			return err
		}
		facts[id] = b
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for id, b := range facts {
		if _, err := tx.ExecContext(ctx, `UPDATE account SET facts = ? WHERE id = ?`, s.Facts(b), id); err != nil {
			return err
		}
	}
	return nil
}

// carry reads the table from the front until it breaks, then from the back until it breaks or meets what is there
// already. Two damaged places hide what lies between them.
func (p part) carry(ctx context.Context, old *sql.DB, tx *sql.Tx, out *Salvaged) error {
	n := strings.Count(p.cols, ",") + 1
	insert, err := tx.PrepareContext(ctx, fmt.Sprintf("INSERT OR IGNORE INTO %s (%s) VALUES (?%s)", p.table, p.cols, strings.Repeat(", ?", n-1)))
	if err != nil {
		return err
	}
	defer insert.Close()
	forward := p.read(ctx, old, p.key, n, insert, out)
	if forward == nil {
		return nil
	}
	if forward.fatal {
		return forward.err
	}
	out.Unread = append(out.Unread, p.table)
	if back := p.read(ctx, old, strings.ReplaceAll(p.key, ",", " DESC,")+" DESC", n, insert, out); back != nil && back.fatal {
		return back.err
	}
	return nil
}

// stop is why reading a table ended early; fatal: it was the new ledger's fault.
type stop struct {
	err   error
	fatal bool
}

func (p part) read(ctx context.Context, old *sql.DB, order string, n int, insert *sql.Stmt, out *Salvaged) *stop {
	rows, err := old.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", p.cols, p.table, order))
	if err != nil {
		return &stop{err: err}
	}
	defer rows.Close()
	values, into := make([]any, n), make([]any, n)
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return &stop{err: err}
		}
		result, err := insert.ExecContext(ctx, values...)
		switch {
		case err == nil:
			if k, err := result.RowsAffected(); err == nil && k > 0 {
				*p.count(out)++
			}
		case refusedRow(err):
			out.Refused++
		default:
			return &stop{err, true}
		}
	}
	if err := rows.Err(); err != nil {
		return &stop{err: err}
	}
	return nil
}
