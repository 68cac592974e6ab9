package uidl

import (
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func (c *change) stage() error {
	for i := range c.Stage {
		d := &c.Stage[i]
		id, err := c.destination(d.Destination, true)
		if err == nil {
			err = c.stageAt(d, id)
		}
		if err != nil {
			return fmt.Errorf("stage %s for %.80q: %w", d.Key.show(), d.Destination, err)
		}
	}
	return nil
}

func (c *change) stageAt(d *Delivery, destination int64) error {
	seq, at := d.Seq, d.At
	if seq == 0 {
		seq = c.lastSeq + 1
	}
	c.lastSeq = max(c.lastSeq, seq)
	if at == 0 {
		at = c.At
	}
	err := c.tx.exec(`INSERT INTO delivery (account, uid, dup, destination, state, seq, ticket,
			in_doubt, attempts, next_try, reason, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, uid, dup, destination) DO UPDATE SET
			state = excluded.state, seq = excluded.seq, ticket = excluded.ticket, in_doubt = excluded.in_doubt,
			attempts = excluded.attempts, next_try = excluded.next_try, reason = excluded.reason, at = excluded.at`,
		c.account, []byte(d.UID), d.Dup, destination, int64(d.State), seq, d.Ticket,
		d.InDoubt, d.Attempts, d.NextTry, d.Reason, at)
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY {
		return errUnknown
	}
	return err
}

func (c *change) settle() error {
	for _, s := range c.Settle {
		id, err := c.destination(s.Destination, false)
		if err == nil && id != 0 {
			err = c.tx.exec(`DELETE FROM delivery WHERE account = ? AND uid = ? AND dup = ? AND destination = ?`,
				c.account, []byte(s.UID), s.Dup, id)
		}
		if err != nil {
			return fmt.Errorf("settle %s for %.80q: %w", s.Key.show(), s.Destination, err)
		}
	}
	return nil
}

// destination finds the id of a name, 0 when it is not known; create records the name then.
func (c *change) destination(name string, create bool) (int64, error) {
	if id := c.ids[name]; id != 0 {
		return id, nil
	}
	find := func() (id int64, err error) {
		err = c.tx.queryRow(`SELECT id FROM destination WHERE account = ? AND name = ?`, []any{c.account, name}, &id)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		return id, err
	}
	id, err := find()
	if err == nil && id == 0 && create {
		err = c.tx.exec(`INSERT INTO destination (account, name) VALUES (?, ?)`, c.account, name)
		if err == nil {
			id, err = find()
		}
	}
	if err != nil || id == 0 {
		return 0, err
	}
	if c.ids == nil {
		c.ids = make(map[string]int64)
	}
	c.ids[name] = id
	return id, nil
}
