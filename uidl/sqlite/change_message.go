package sqlite

import (
	"errors"

	"github.com/popsync/popsync/uidl"
)

// A new message, and a state alone, have statements of their own: to bind a NULL costs as much as a value, and a batch has
// hundreds of them. All write the whole row, or all that a Mark has.
const (
	putNew = `INSERT INTO message (account, uid, dup, state, size, first_seen, octets, sha256, fp, have, generation)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	putWhole = `INSERT INTO message (account, uid, dup, state, size, first_seen, octets, sha256, fp, have, generation,
			waived, gone_at, gone_listing, attempts, next_try, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// over a row of the same message
	putSame = ` ON CONFLICT (account, uid, dup) DO UPDATE SET
		state = excluded.state, size = excluded.size, first_seen = excluded.first_seen,
		gone_at = excluded.gone_at, gone_listing = excluded.gone_listing,
		attempts = excluded.attempts, next_try = excluded.next_try, reason = excluded.reason,
		octets = excluded.octets, sha256 = excluded.sha256, fp = excluded.fp`
	// over a row of another one
	putOther = putSame + `, have = excluded.have, waived = excluded.waived, generation = excluded.generation`

	markState = `UPDATE message SET state = ?, attempts = NULL, next_try = NULL, reason = NULL
		WHERE account = ? AND uid = ? AND dup = ?`
	markSize  = `UPDATE message SET size = ? WHERE account = ? AND uid = ? AND dup = ?`
	markWhole = `UPDATE message SET state = ?1, size = CASE WHEN ?5 = 0 THEN size ELSE ?5 END,
		attempts = ?6, next_try = ?7, reason = ?8 WHERE account = ?2 AND uid = ?3 AND dup = ?4`
)

func (c *change) put() error   { return c.putRows("put", c.Put, putNew+putOther, putWhole+putOther) }
func (c *change) renew() error { return c.putRows("renew", c.Renew, putNew+putSame, putWhole+putSame) }

func (c *change) putRows(op string, rows []uidl.Message, plain, whole string) error {
	for i := range rows {
		m := &rows[i]
		if c.info.Clock.TooLate(m.FirstSeen) {
			c.info.Loose, c.touched = true, true
		}
		var sum, fp any
		if m.SHA256 != [32]byte{} {
			sum = m.SHA256[:]
		}
		if m.Fingerprint != (uidl.Fingerprint{}) {
			fp = m.Fingerprint[:]
		}
		args := []any{c.account, []byte(m.UID), m.Dup, int64(m.State), m.Size, m.FirstSeen, null(m.Octets), sum, fp,
			int64(m.Have), m.Generation}
		query := plain
		if m.Waived != 0 || m.GoneAt != 0 || m.GoneListing != 0 || m.Attempts != 0 || m.NextTry != 0 || m.Reason != "" {
			query = whole
			args = append(args, null(int64(m.Waived)), null(m.GoneAt), null(m.GoneListing), null(int64(m.Attempts)),
				null(m.NextTry), nullText(m.Reason))
		}
		if err := c.tx.exec(query, args...); err != nil {
			return named(op, m.Key, err)
		}
	}
	return nil
}

func (c *change) mark() error {
	for i := range c.Mark {
		m := &c.Mark[i]
		args := []any{int64(m.State), c.account, []byte(m.UID), m.Dup}
		query := markState
		if m.State == 0 {
			query, args[0] = markSize, m.Size
		} else if m.Size != 0 || m.Attempts != 0 || m.NextTry != 0 || m.Reason != "" {
			query = markWhole
			args = append(args, m.Size, null(int64(m.Attempts)), null(m.NextTry), nullText(m.Reason))
		}
		if err := c.must(query, args...); err != nil {
			return named("mark", m.Key, err)
		}
	}
	return nil
}

// gone leaves the times of a row that was gone already.
func (c *change) gone() error {
	for _, k := range c.Gone {
		err := c.must(`UPDATE message SET gone_at = coalesce(gone_at, ?), gone_listing = coalesce(gone_listing, ?)
			WHERE account = ? AND uid = ? AND dup = ?`, c.now(), c.info.Listings, c.account, []byte(k.UID), k.Dup)
		if err != nil {
			return named("gone", k, err)
		}
	}
	return nil
}

func (c *change) back() error {
	for _, k := range c.Back {
		err := c.must(`UPDATE message SET gone_at = NULL, gone_listing = NULL
			WHERE account = ? AND uid = ? AND dup = ?`, c.account, []byte(k.UID), k.Dup)
		if err != nil {
			return named("back", k, err)
		}
	}
	return nil
}

// move gives rows other keys; the schema lets their deliveries follow.
func (c *change) move() error {
	for _, m := range c.Move {
		err := c.must(`UPDATE message SET uid = ?, dup = ? WHERE account = ? AND uid = ? AND dup = ?`,
			[]byte(m.To.UID), m.To.Dup, c.account, []byte(m.From.UID), m.From.Dup)
		if err != nil {
			return named("move", m.From, named("to", m.To, err))
		}
	}
	return nil
}

// vouch and release read all rows of the account; a person asks for them.
func (c *change) vouch() error {
	if !c.Vouch {
		return nil
	}
	return c.tx.exec(`UPDATE message SET have = have & ~?1 WHERE account = ?2 AND have & ?3 = ?1`, int64(uidl.Unsure), c.account, int64(uidl.Seen|uidl.Unsure))
}

func (c *change) release() error {
	if !c.Release {
		return nil
	}
	return c.tx.exec(`UPDATE message SET state = ?, attempts = NULL, next_try = NULL, reason = NULL WHERE account = ? AND state = ?`,
		int64(uidl.Wanted), c.account, int64(uidl.Held))
}

var errOpen = errors.New("a delivery of it is open")

// remove lets rows go. The schema refuses those that a delivery refers to.
func (c *change) remove() error {
	for _, k := range c.Remove {
		err := c.must(`DELETE FROM message WHERE account = ? AND uid = ? AND dup = ?`, c.account, []byte(k.UID), k.Dup)
		if brokenReference(err) {
			err = errOpen
		}
		if err != nil {
			return named("remove", k, err)
		}
	}
	return nil
}
