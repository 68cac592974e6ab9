package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// destination is what deliveries are stored with.
type destination struct {
	id    int64 // 0: the ledger has none of the name
	place uidl.Places
}

// fold forgets destinations: what they have is at a former place from then on. One of which nothing is recorded is no
// error: rows may tell of it all the same, after a repair.
func (c *change) fold() error {
	for _, ordinal := range c.Fold {
		var open int
		err := c.tx.queryRow(`SELECT count(*) FROM delivery AS d JOIN destination AS t ON t.id = d.destination
			WHERE t.account = ? AND t.ordinal = ?`, []any{c.account, ordinal}, &open)
		if err == nil && open > 0 {
			err = fmt.Errorf("%d deliveries are open for it", open)
		}
		if err == nil {
			err = c.tx.exec(`UPDATE message SET waived = nullif(waived & ~?1, 0),
				have = CASE WHEN have & ?1 <> 0 THEN (have & ~?1) | ?3 ELSE have END
				WHERE account = ?2 AND (have & ?1 <> 0 OR waived & ?1 <> 0)`, int64(uidl.PlaceOf(ordinal)), c.account, int64(uidl.Former))
		}
		if err == nil {
			err = c.tx.exec(`DELETE FROM destination WHERE account = ? AND ordinal = ?`, c.account, ordinal)
		}
		if err != nil {
			return fmt.Errorf("fold destination %d: %w", ordinal, err)
		}
	}
	return nil
}

// destinations writes all at once: each gets out of the way first, under a name that none can have, so that they may swap.
func (c *change) destinations() error {
	for _, d := range c.Destinations {
		err := c.tx.exec(`UPDATE destination SET name = char(1) || ordinal WHERE account = ? AND ordinal = ?`, c.account, d.Ordinal)
		if err != nil {
			return fmt.Errorf("destination %.80q: %w", d.Name, err)
		}
	}
	for _, d := range c.Destinations {
		err := c.tx.exec(`INSERT INTO destination (account, ordinal, name, identity, role, born, since, rest)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, ordinal) DO UPDATE SET name = excluded.name, identity = excluded.identity,
				role = excluded.role, born = excluded.born, since = excluded.since, rest = excluded.rest`,
			c.account, d.Ordinal, d.Name, d.Identity, int64(d.Role), d.Born, d.Since, int64(d.Rest))
		if err != nil {
			return fmt.Errorf("destination %.80q: %w", d.Name, err)
		}
	}
	return nil
}

// find looks a destination up by its name.
func (c *change) find(name string) (d destination, err error) {
	if d, ok := c.known[name]; ok {
		return d, nil
	}
	var ordinal int
	err = c.tx.queryRow(`SELECT id, ordinal FROM destination WHERE account = ? AND name = ?`, []any{c.account, name}, &d.id, &ordinal)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return d, err
	default:
		d.place = uidl.PlaceOf(ordinal)
	}
	if c.known == nil {
		c.known = make(map[string]destination)
	}
	c.known[name] = d
	return d, nil
}
