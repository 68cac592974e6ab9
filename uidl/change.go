package uidl

import (
	"database/sql"
	"errors"
	"fmt"
)

// change is a Change being applied within one transaction. It works on copies of what the account keeps in memory.
type change struct {
	Change
	tx      *tx
	account int64
	info    Info
	lastSeq int64
	ids     map[string]int64 // of destinations, by name
}

// apply writes the change in the order of its fields. The account's row comes last but for the pass: it is written
// once, whatever changed in it.
func (c *change) apply() error {
	if err := c.fence(); err != nil {
		return err
	}
	if c.Listed {
		c.list()
	}
	for _, step := range [...]func() error{
		c.destinations, c.put, c.mark, c.gone, c.back, c.stage, c.settle, c.purge, c.pass, c.row,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fence fails when a later lease than ours was given out.
func (c *change) fence() error {
	var epoch int64
	err := c.tx.queryRow(`SELECT epoch FROM account WHERE id = ?`, []any{c.account}, &epoch)
	if errors.Is(err, sql.ErrNoRows) || err == nil && epoch != c.info.Epoch {
		return ErrLeaseLost
	}
	return err
}

func (c *change) list() {
	i := &c.info
	if i.Listings == 0 || floorDay(i.ListedAt) != floorDay(c.At) {
		i.ListingDays++
	}
	i.Listings++
	i.ListedAt = c.At
}

// floorDay is the day of a time, in UTC, also of one before 1970 (a clock that was never set).
func floorDay(t int64) int64 {
	return (t - ((t%secondsPerDay)+secondsPerDay)%secondsPerDay) / secondsPerDay
}

func (c *change) destinations() error {
	for _, d := range c.Destinations {
		err := c.tx.exec(`INSERT INTO destination (account, name, identity) VALUES (?, ?, ?)
			ON CONFLICT (account, name) DO UPDATE SET identity = excluded.identity`, c.account, d.Name, d.Identity)
		if err != nil {
			return fmt.Errorf("destination %.80q: %w", d.Name, err)
		}
	}
	return nil
}

// A new message, and a state alone, have statements of their own: to bind a NULL costs as much as a value, and a batch has
// hundreds of them. Both write the whole row, or all that a Mark has, as the others do.
const (
	putNew = `INSERT INTO message (account, uid, dup, state, size, first_seen, first_day, octets, sha256, fp)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + putKnown
	putWhole = `INSERT INTO message (account, uid, dup, state, size, first_seen, first_day, octets, sha256, fp,
			gone_at, gone_listing, attempts, next_try, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + putKnown
	putKnown = ` ON CONFLICT (account, uid, dup) DO UPDATE SET
		state = excluded.state, size = excluded.size, first_seen = excluded.first_seen, first_day = excluded.first_day,
		gone_at = excluded.gone_at, gone_listing = excluded.gone_listing,
		attempts = excluded.attempts, next_try = excluded.next_try, reason = excluded.reason,
		octets = excluded.octets, sha256 = excluded.sha256, fp = excluded.fp`
	markState = `UPDATE message SET state = ?, attempts = NULL, next_try = NULL, reason = NULL
		WHERE account = ? AND uid = ? AND dup = ?`
	markWhole = `UPDATE message SET state = ?1, size = CASE WHEN ?5 = 0 THEN size ELSE ?5 END,
		attempts = ?6, next_try = ?7, reason = ?8 WHERE account = ?2 AND uid = ?3 AND dup = ?4`
)

func (c *change) put() error {
	for i := range c.Put {
		m := &c.Put[i]
		var sum, fp any
		if m.SHA256 != [32]byte{} {
			sum = m.SHA256[:]
		}
		if m.Fingerprint != (Fingerprint{}) {
			fp = m.Fingerprint[:]
		}
		args := []any{c.account, []byte(m.UID), m.Dup, int64(m.State), m.Size, m.FirstSeen, m.FirstDay, null(m.Octets), sum, fp}
		query := putNew
		if m.GoneAt != 0 || m.GoneListing != 0 || m.Attempts != 0 || m.NextTry != 0 || m.Reason != "" {
			query = putWhole
			args = append(args, null(m.GoneAt), null(m.GoneListing), null(int64(m.Attempts)), null(m.NextTry), nullText(m.Reason))
		}
		if err := c.tx.exec(query, args...); err != nil {
			return fmt.Errorf("put %s: %w", m.Key.show(), err)
		}
	}
	return nil
}
func (c *change) mark() error {
	for i := range c.Mark {
		m := &c.Mark[i]
		args := []any{int64(m.State), c.account, []byte(m.UID), m.Dup}
		query := markState
		if m.Size != 0 || m.Attempts != 0 || m.NextTry != 0 || m.Reason != "" {
			query = markWhole
			args = append(args, m.Size, null(int64(m.Attempts)), null(m.NextTry), nullText(m.Reason))
		}
		if err := c.known(m.Key, query, args...); err != nil {
			return fmt.Errorf("mark %s: %w", m.Key.show(), err)
		}
	}
	return nil
}

// gone leaves the times of a row that was gone already.
func (c *change) gone() error {
	for _, k := range c.Gone {
		err := c.known(k, `UPDATE message SET gone_at = coalesce(gone_at, ?), gone_listing = coalesce(gone_listing, ?)
			WHERE account = ? AND uid = ? AND dup = ?`, c.At, c.info.Listings, c.account, []byte(k.UID), k.Dup)
		if err != nil {
			return fmt.Errorf("gone %s: %w", k.show(), err)
		}
	}
	return nil
}

func (c *change) back() error {
	for _, k := range c.Back {
		err := c.known(k, `UPDATE message SET gone_at = NULL, gone_listing = NULL
			WHERE account = ? AND uid = ? AND dup = ?`, c.account, []byte(k.UID), k.Dup)
		if err != nil {
			return fmt.Errorf("back %s: %w", k.show(), err)
		}
	}
	return nil
}

var errUnknown = errors.New("the ledger has no such message")

// known runs an update of one message row, which must exist.
func (c *change) known(k Key, query string, args ...any) error {
	n, err := c.tx.execCount(query, args...)
	if err == nil && n == 0 {
		err = errUnknown
	}
	return err
}

// null stores the zero of a column that is nearly always zero as NULL: one octet, and no condition to state.
func null(v int64) any {
	if v == 0 {
		return nil
	}
	return v
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}
