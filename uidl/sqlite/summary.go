package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// Accounts reads the accounts' own rows.
func (l *Ledger) Accounts(ctx context.Context) ([]uidl.Info, error) {
	var all []uidl.Info
	err := l.snapshot(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+infoColumns+` FROM account AS a ORDER BY a.name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var i uidl.Info
			if err := rows.Scan(scanInfo(&i)...); err != nil {
				return err
			}
			all = append(all, i)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", l.explain(err))
	}
	return all, nil
}

// Summaries reads what status shows, all accounts in one snapshot.
func (l *Ledger) Summaries(ctx context.Context) ([]uidl.Summary, error) {
	var all []uidl.Summary
	err := l.snapshot(ctx, func(tx *sql.Tx) (err error) {
		if all, err = summaries(ctx, tx); err != nil {
			return err
		}
		if err := addDestinations(ctx, tx, all); err != nil {
			return err
		}
		if err := addWaiting(ctx, tx, all); err != nil {
			return err
		}
		return addOpen(ctx, tx, all)
	})
	if err != nil {
		return nil, fmt.Errorf("summarise ledger: %w", l.explain(err))
	}
	return all, nil
}

func summaries(ctx context.Context, tx *sql.Tx) ([]uidl.Summary, error) {
	// Kept leaves out DeleteSent: those are on their way out. Numbers of states are those of the constants.
	rows, err := tx.QueryContext(ctx, `SELECT `+infoColumns+`,
			coalesce(m.kept, 0), coalesce(m.wanted, 0), coalesce(m.parked, 0), coalesce(m.skipped, 0), coalesce(m.gone, 0),
			coalesce(m.held, 0), coalesce(m.unsure, 0), coalesce(m.given_up, 0),
			(SELECT count(*) FROM delivery AS d WHERE d.account = a.id),
			p.n, coalesce(p.started, 0), coalesce(p.ended, 0), coalesce(p.ok, 0), coalesce(p.verdict, ''), p.totals
		FROM account AS a
		LEFT JOIN (SELECT account,
				count(*) FILTER (WHERE state = 2 AND gone_at IS NULL) AS kept,
				count(*) FILTER (WHERE state = 1 AND gone_at IS NULL) AS wanted,
				count(*) FILTER (WHERE state = 4 AND gone_at IS NULL) AS parked,
				count(*) FILTER (WHERE state = 5 AND gone_at IS NULL) AS skipped,
				count(*) FILTER (WHERE state = 6 AND gone_at IS NULL) AS held,
				count(*) FILTER (WHERE have & 12 = 8 AND gone_at IS NULL) AS unsure,
				count(*) FILTER (WHERE have & 12 = 12 AND gone_at IS NULL) AS given_up,
				count(gone_at) AS gone
			FROM message GROUP BY account) AS m ON m.account = a.id
		LEFT JOIN pass AS p ON p.account = a.id AND p.n = (SELECT max(n) FROM pass WHERE account = a.id)
		ORDER BY a.name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []uidl.Summary
	for rows.Next() {
		var s uidl.Summary
		var p uidl.Pass
		var n sql.NullInt64
		err := rows.Scan(append(scanInfo(&s.Info), &s.Kept, &s.Wanted, &s.Parked, &s.Skipped, &s.Gone, &s.Held, &s.Unsure,
			&s.GivenUp, &s.Pending, &n, &p.Started, &p.Ended, &p.OK, &p.Verdict, &p.Totals)...)
		if err != nil {
			return nil, err
		}
		if n.Valid {
			s.Last = &p
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// addDestinations gives each summary what the ledger remembers of its account's destinations.
func addDestinations(ctx context.Context, tx *sql.Tx, all []uidl.Summary) error {
	of := make(map[string]*uidl.Summary, len(all))
	for i := range all {
		of[all[i].Name] = &all[i]
	}
	rows, err := tx.QueryContext(ctx, `SELECT a.name, `+destinationColumns+` FROM destination AS t
		JOIN account AS a ON a.id = t.account ORDER BY a.name, t.name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var account string
		var d uidl.Destination
		if err := rows.Scan(append([]any{&account}, scanDestination(&d)...)...); err != nil {
			return err
		}
		if s := of[account]; s != nil {
			s.Destinations = append(s.Destinations, d)
		}
	}
	return rows.Err()
}

// isParked and isPutOff are Delivery.Parked and Delivery.PutOff of a delivery d.
const (
	isParked = `(d.attempts >= 3 OR d.in_doubt >= 3)`
	isPutOff = `(NOT ` + isParked + ` AND (d.attempts > 0 OR d.in_doubt > 0 OR coalesce(d.reason, '') <> ''))`
)

// addWaiting gives each summary what is open for its account's destinations.
func addWaiting(ctx context.Context, tx *sql.Tx, all []uidl.Summary) error {
	of := make(map[string]*uidl.Summary, len(all))
	for i := range all {
		of[all[i].Name] = &all[i]
	}
	rows, err := tx.QueryContext(ctx, `SELECT a.name, t.name, count(*), sum(`+isPutOff+`), sum(`+isParked+`),
			coalesce(min(CASE WHEN `+isParked+` THEN d.next_try END), 0), min(m.first_seen),
			coalesce(max(CASE WHEN `+isParked+` THEN nullif(d.reason, '') END), max(d.reason), '')
		FROM delivery AS d
		JOIN account AS a ON a.id = d.account
		JOIN destination AS t ON t.id = d.destination
		JOIN message AS m ON m.account = d.account AND m.uid = d.uid AND m.dup = d.dup
		GROUP BY a.name, t.name ORDER BY a.name, t.name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var account string
		var w uidl.Waiting
		err := rows.Scan(&account, &w.Destination, &w.Deliveries, &w.PutOff, &w.Parked, &w.NextTry, &w.Since, &w.Reason)
		if err != nil {
			return err
		}
		if s := of[account]; s != nil {
			s.Waiting = append(s.Waiting, w)
		}
	}
	return rows.Err()
}

// addOpen counts messages by the worst of their deliveries. Those that are parked themselves are counted already.
func addOpen(ctx context.Context, tx *sql.Tx, all []uidl.Summary) error {
	of := make(map[string]*uidl.Summary, len(all))
	for i := range all {
		of[all[i].Name] = &all[i]
	}
	rows, err := tx.QueryContext(ctx, `SELECT name, sum(parked), sum(NOT parked) FROM (
			SELECT a.name AS name, max(`+isParked+`) AS parked FROM delivery AS d
			JOIN account AS a ON a.id = d.account
			JOIN destination AS t ON t.id = d.destination AND t.role NOT IN (0, 5) -- those configured no more
			JOIN message AS m ON m.account = d.account AND m.uid = d.uid AND m.dup = d.dup
			WHERE (`+isParked+` OR `+isPutOff+`) AND NOT (m.state = 4 AND m.gone_at IS NULL)
			GROUP BY d.account, d.uid, d.dup)
		GROUP BY name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var account string
		var parked, putOff int
		if err := rows.Scan(&account, &parked, &putOff); err != nil {
			return err
		}
		if s := of[account]; s != nil {
			s.Parked, s.PutOff = s.Parked+parked, putOff
		}
	}
	return rows.Err()
}

// Check reads the whole file: its structure, and that no delivery lost its message.
func (l *Ledger) Check(ctx context.Context) error {
	err := l.snapshot(ctx, func(tx *sql.Tx) error {
		if err := firstFinding(ctx, tx, "PRAGMA quick_check(1)", "ok"); err != nil {
			return err
		}
		var orphans int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM delivery AS d WHERE NOT EXISTS (SELECT 1 FROM message AS m
			WHERE m.account = d.account AND m.uid = d.uid AND m.dup = d.dup)`).Scan(&orphans)
		if err == nil && orphans > 0 {
			err = fmt.Errorf("%w: %d deliveries without their message", uidl.ErrCorrupt, orphans)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("check ledger: %w", l.explain(err))
	}
	return nil
}

// firstFinding runs a checking pragma, whose only row is want when all is well.
func firstFinding(ctx context.Context, tx *sql.Tx, query, want string) error {
	var got string
	if err := tx.QueryRowContext(ctx, query).Scan(&got); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%w: %.200s", uidl.ErrCorrupt, got)
	}
	return nil
}

// snapshot runs f in a read-only transaction, which sees one state whatever the writer does meanwhile.
func (l *Ledger) snapshot(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := l.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(tx)
}

// Identities reads what is remembered of all destinations.
func (l *Ledger) Identities(ctx context.Context) ([]string, error) {
	var all []string
	err := collect(&all, func(scan func(...any) error) (id string, err error) {
		err = scan(&id)
		return id, err
	})(l.readers.QueryContext(ctx, `SELECT DISTINCT identity FROM destination WHERE identity <> '' ORDER BY identity`))
	if err != nil {
		return nil, fmt.Errorf("read destinations: %w", l.explain(err))
	}
	return all, nil
}
