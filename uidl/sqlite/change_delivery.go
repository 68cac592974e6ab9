package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/popsync/popsync/uidl"
)

var errNoDestination = errors.New("the ledger has no destination of that name")

func (c *change) stage() error {
	for i := range c.Stage {
		d := &c.Stage[i]
		to, err := c.find(d.Destination)
		if err == nil && to.id == 0 {
			err = errNoDestination
		}
		if err == nil {
			err = c.stageAt(d, to.id)
		}
		if err != nil {
			return fmt.Errorf("stage %s for %.80q: %w", d.Key.Quoted(), d.Destination, err)
		}
	}
	return nil
}

func (c *change) stageAt(d *uidl.Delivery, destination int64) error {
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
	if brokenReference(err) {
		return errUnknown
	}
	return err
}

// brokenReference tells that a row refers to one that is not there, or would.
func brokenReference(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// What settles most deliveries has statements of its own, which bind no more than they must.
const (
	settleRow   = `DELETE FROM delivery WHERE account = ? AND uid = ? AND dup = ? AND destination = ?`
	settleHad   = `UPDATE message SET have = have | ? WHERE account = ? AND uid = ? AND dup = ?`
	settleState = `UPDATE message SET have = have | ?, state = ?, attempts = NULL, next_try = NULL, reason = NULL
		WHERE account = ? AND uid = ? AND dup = ?`
	settleWhole = `UPDATE message SET have = have | ?, state = ?, attempts = NULL, next_try = ?, reason = ?,
		waived = nullif(coalesce(waived, 0) | ?, 0) WHERE account = ? AND uid = ? AND dup = ?`
	settleWaive = `UPDATE message SET waived = nullif(coalesce(waived, 0) | ?, 0) WHERE account = ? AND uid = ? AND dup = ?`
)

func (c *change) settle() error {
	for i := range c.Settle {
		s := &c.Settle[i]
		to, err := c.find(s.Destination)
		if err == nil && to.id == 0 && s.As != uidl.Dropped {
			err = errNoDestination
		}
		if err == nil && to.id != 0 {
			err = c.tx.exec(settleRow, c.account, []byte(s.UID), s.Dup, to.id)
		}
		if err == nil && (s.As != uidl.Dropped || s.State != 0) {
			err = c.concluded(s, to.place)
		}
		if err != nil {
			return fmt.Errorf("settle %s for %.80q: %w", s.Key.Quoted(), s.Destination, err)
		}
	}
	return nil
}

// concluded writes what the end of a delivery says of its message.
func (c *change) concluded(s *uidl.Settled, place uidl.Places) error {
	have, waived := s.As.Facts(place)
	uid := []byte(s.UID)
	switch {
	case s.State == 0 && waived == 0:
		return c.must(settleHad, int64(have), c.account, uid, s.Dup)
	case s.State == 0:
		return c.must(settleWaive, int64(waived), c.account, uid, s.Dup)
	case waived == 0 && s.NextTry == 0 && s.Reason == "":
		return c.must(settleState, int64(have), int64(s.State), c.account, uid, s.Dup)
	}
	return c.must(settleWhole, int64(have), int64(s.State), null(s.NextTry), nullText(s.Reason), int64(waived),
		c.account, uid, s.Dup)
}
