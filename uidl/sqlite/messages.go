package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/popsync/popsync/uidl"
)

// Messages streams all rows of one snapshot straight from the driver. Over 100,000 rows that took 80 ms and 5.6 MB,
// where scanning by database/sql took 130 ms and 20.8 MB. The UID is read as TEXT, octet for octet, because that is one
// copy instead of two. What takes the time is fetching columns, each of which locks the connection four times, so all of a
// row that is as most rows are shares one number: see rowOf.
func (a *account) Messages(ctx context.Context) iter.Seq2[uidl.Row, error] {
	return func(yield func(uidl.Row, error) bool) {
		goOn := true
		err := a.streamRows(ctx, func(r uidl.Row) bool {
			goOn = yield(r, nil)
			return goOn
		})
		if err != nil && goOn {
			yield(uidl.Row{}, a.readError("read messages", err))
		}
	}
}

func (a *account) streamRows(ctx context.Context, yield func(uidl.Row) bool) error {
	c, err := a.l.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Raw(func(dc any) error {
		rows, err := dc.(driver.QueryerContext).QueryContext(ctx, `SELECT CAST(uid AS TEXT), size,
			CASE WHEN waived IS NULL AND gone_at IS NULL AND attempts IS NULL AND next_try IS NULL
				AND dup < 8 AND have < 0x1000 AND generation BETWEEN 0 AND 0x1ff
			THEN (first_seen << 27) | (generation << 18) | (have << 6) | (dup << 3) | state
			ELSE dup || ' ' || state || ' ' || first_seen || ' ' || have || ' ' || coalesce(waived, 0) || ' ' ||
				generation || ' ' || coalesce(gone_at, 0) || ' ' || coalesce(gone_listing, 0) || ' ' ||
				coalesce(attempts, 0) || ' ' || coalesce(next_try, 0)
			END
			FROM message WHERE account = ? ORDER BY uid, dup`, []driver.NamedValue{{Ordinal: 1, Value: a.row()}})
		if err != nil {
			return err
		}
		defer rows.Close()
		v := make([]driver.Value, 3)
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

// rowOf reads a row: its UID, its size, and the rest as a number of 63 bits, or else as ten numbers in a text.
func rowOf(v []driver.Value) (r uidl.Row, err error) {
	uid, ok := v[0].(string)
	if !ok {
		return r, fmt.Errorf("%w: a UID is no text", uidl.ErrCorrupt)
	}
	r.UID = uid
	if r.Size, ok = v[1].(int64); !ok {
		return r, fmt.Errorf("%w: the size of a message is no number", uidl.ErrCorrupt)
	}
	switch rest := v[2].(type) {
	case int64:
		r.State, r.Dup = uidl.State(rest&7), int(rest>>3&7)
		r.Have, r.Generation, r.FirstSeen = uidl.Places(rest>>6&0xfff), rest>>18&0x1ff, rest>>27
	case string:
		fields := strings.Fields(rest)
		var n [10]int64
		for i := range n {
			if i < len(fields) {
				n[i], err = strconv.ParseInt(fields[i], 10, 64)
			}
			if i >= len(fields) || err != nil {
				return r, fmt.Errorf("%w: a column of a message is no number", uidl.ErrCorrupt)
			}
		}
		r.Dup, r.State, r.FirstSeen, r.Facts = int(n[0]), uidl.State(n[1]), n[2], uidl.Facts{Have: uidl.Places(n[3]), Waived: uidl.Places(n[4]), Generation: n[5]}
		r.GoneAt, r.GoneListing, r.Attempts, r.NextTry = n[6], n[7], int(n[8]), n[9]
	default:
		return r, fmt.Errorf("%w: a column of a message is missing", uidl.ErrCorrupt)
	}
	return r, nil
}
