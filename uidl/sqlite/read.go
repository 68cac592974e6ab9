package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// wholeRow are the columns of a Message, in the order that scanMessage reads.
const wholeRow = `uid, dup, state, size, first_seen, have, coalesce(waived, 0), generation, coalesce(gone_at, 0),
	coalesce(gone_listing, 0), coalesce(attempts, 0), coalesce(next_try, 0), coalesce(reason, ''), coalesce(octets, 0), sha256, fp`

func scanMessage(scan func(...any) error) (m uidl.Message, err error) {
	var uid, sum, fp sql.RawBytes
	err = scan(&uid, &m.Dup, &m.State, &m.Size, &m.FirstSeen, &m.Have, &m.Waived, &m.Generation, &m.GoneAt,
		&m.GoneListing, &m.Attempts, &m.NextTry, &m.Reason, &m.Octets, &sum, &fp)
	m.UID = string(uid)
	copy(m.SHA256[:], sum)
	copy(m.Fingerprint[:], fp)
	return m, err
}

// Find looks each key up in one snapshot.
func (a *account) Find(ctx context.Context, keys []uidl.Key) ([]uidl.Message, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	found := make([]uidl.Message, 0, len(keys))
	err := a.l.snapshot(ctx, func(tx *sql.Tx) error {
		s, err := tx.PrepareContext(ctx, `SELECT `+wholeRow+` FROM message WHERE account = ? AND uid = ? AND dup = ?`)
		if err != nil {
			return err
		}
		defer s.Close()
		for _, k := range keys {
			err := collect(&found, scanMessage)(s.QueryContext(ctx, a.row(), []byte(k.UID), k.Dup))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return found, a.readError("find messages", err)
}

// Matches reads all rows that have a fingerprint: an index for a question that is asked once in the life of a mailbox
// would cost 25 octets in each row.
func (a *account) Matches(ctx context.Context, fps []uidl.Fingerprint) ([]uidl.Message, error) {
	if len(fps) == 0 {
		return nil, nil
	}
	wanted := make(map[uidl.Fingerprint]bool, len(fps))
	for _, fp := range fps {
		wanted[fp] = true // also the zero one: a row without a fingerprint has NULL and is not read
	}
	var keys []uidl.Key
	err := a.l.snapshot(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT uid, dup, fp FROM message WHERE account = ? AND fp IS NOT NULL`, a.row())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var uid, b sql.RawBytes
			var dup int
			if err := rows.Scan(&uid, &dup, &b); err != nil {
				return err
			}
			var fp uidl.Fingerprint
			if copy(fp[:], b); wanted[fp] {
				keys = append(keys, uidl.Key{UID: string(uid), Dup: dup})
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, a.readError("match fingerprints", err)
	}
	return a.Find(ctx, keys)
}

// Pending is the recovery list, normally empty.
func (a *account) Pending(ctx context.Context) ([]uidl.Delivery, error) {
	var all []uidl.Delivery
	err := collect(&all, scanDelivery)(a.l.readers.QueryContext(ctx, deliveriesOf+"?"+deliveriesOrder, a.row()))
	return all, a.readError("read deliveries", err)
}

// deliveriesOf and deliveriesOrder, with the account's number between them, read its deliveries in the order of Pending.
const (
	deliveriesOf = `SELECT d.uid, d.dup, t.name, d.state, d.seq, d.ticket, d.in_doubt, d.attempts,
			d.next_try, d.reason, d.at, m.have, coalesce(m.waived, 0), m.generation, coalesce(m.reason, ''), coalesce(m.octets, 0)
		FROM delivery AS d JOIN destination AS t ON t.id = d.destination
		JOIN message AS m ON m.account = d.account AND m.uid = d.uid AND m.dup = d.dup
		WHERE d.account = `
	deliveriesOrder = ` ORDER BY d.seq, d.uid, d.dup, t.name`
)

func scanDelivery(scan func(...any) error) (d uidl.Delivery, err error) {
	var uid sql.RawBytes
	err = scan(&uid, &d.Dup, &d.Destination, &d.State, &d.Seq, &d.Ticket, &d.InDoubt, &d.Attempts, &d.NextTry,
		&d.Reason, &d.At, &d.Message.Have, &d.Message.Waived, &d.Message.Generation, &d.Why, &d.Octets)
	d.UID = string(uid)
	return d, err
}

// Destinations are all that were ever recorded.
func (a *account) Destinations(ctx context.Context) ([]uidl.Destination, error) {
	var all []uidl.Destination
	err := collect(&all, func(scan func(...any) error) (d uidl.Destination, err error) {
		err = scan(scanDestination(&d)...)
		return d, err
	})(a.l.readers.QueryContext(ctx, `SELECT `+destinationColumns+` FROM destination AS t WHERE t.account = ? ORDER BY t.name`,
		a.row()))
	return all, a.readError("read destinations", err)
}

// collect appends what scan makes of each row; it takes what a query returned.
func collect[T any](to *[]T, scan func(func(...any) error) (T, error)) func(*sql.Rows, error) error {
	return func(rows *sql.Rows, err error) error {
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows.Scan)
			if err != nil {
				return err
			}
			*to = append(*to, v)
		}
		return rows.Err()
	}
}

func (a *account) readError(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s, account %s: %w", what, a.name, a.l.explain(err))
}
