package sqlite

import (
	"context"
	"database/sql/driver"
)

// tx is a transaction of the writer; its statements are prepared once and kept.
type tx struct {
	w   *writer
	ctx context.Context
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.execCount(query, args...)
	return err
}

// execCount also says how many rows it touched. It goes straight to the driver: a batch runs thousands of these, and the
// ways of database/sql made up a sixth of their cost.
func (t *tx) execCount(query string, args ...any) (n int64, err error) {
	w := t.w
	err = w.conn.Raw(func(dc any) error {
		s := w.execs[query]
		if s == nil {
			if s, err = dc.(driver.ConnPrepareContext).PrepareContext(t.ctx, query); err != nil {
				return err
			}
			w.execs[query] = s
		}
		w.args = w.args[:0]
		for i, a := range args {
			v, err := driver.DefaultParameterConverter.ConvertValue(a)
			if err != nil {
				return err
			}
			w.args = append(w.args, driver.NamedValue{Ordinal: i + 1, Value: v})
		}
		r, err := s.(driver.StmtExecContext).ExecContext(t.ctx, w.args)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return n, err
}

func (t *tx) queryRow(query string, args []any, dest ...any) error {
	s := t.w.stmts[query]
	if s == nil {
		var err error
		if s, err = t.w.conn.PrepareContext(t.ctx, query); err != nil {
			return err
		}
		t.w.stmts[query] = s
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}
