package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// Stuck reads what failed and what was given up, in one snapshot. The conditions are Row.Unfetched, Delivery.Parked and PutOff, and
// Places.GivenUp.
func (l *Ledger) Stuck(ctx context.Context, account string) ([]uidl.Stuck, error) {
	var all []uidl.Stuck
	err := l.snapshot(ctx, func(tx *sql.Tx) error {
		err := collect(&all, func(scan func(...any) error) (s uidl.Stuck, err error) {
			s.Message, err = scanMessage(scan)
			return s, err
		})(tx.QueryContext(ctx, `SELECT `+wholeRow+` FROM message AS m
			WHERE account = (SELECT id FROM account WHERE name = ?) AND (gone_at IS NULL AND (state = 4 OR state = 1 AND attempts > 0)
				OR have & 12 = 12
				OR EXISTS (SELECT 1 FROM delivery AS d WHERE d.account = m.account AND d.uid = m.uid AND d.dup = m.dup
					AND (`+isParked+` OR `+isPutOff+`)))
			ORDER BY uid, dup`, account))
		if err != nil || len(all) == 0 {
			return err
		}
		of := make(map[uidl.Key]*uidl.Stuck, len(all))
		for i := range all {
			of[all[i].Key] = &all[i]
		}
		var open []uidl.Delivery
		err = collect(&open, scanDelivery)(tx.QueryContext(ctx, deliveriesOf+`(SELECT id FROM account WHERE name = ?)`+deliveriesOrder, account))
		for _, d := range open {
			if s := of[d.Key]; s != nil {
				s.Open = append(s.Open, d)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what failed, account %.80q: %w", account, l.explain(err))
	}
	return all, nil
}
