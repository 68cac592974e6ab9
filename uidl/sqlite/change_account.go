package sqlite

// purge removes tombstones that are old by the calendar and by the number of listings: a mailbox that is not looked
// at for a year forgets nothing. It reads all rows of the account, so a pass asks for it rarely.
func (c *change) purge() error {
	if !c.Purge {
		return nil
	}
	return c.tx.exec(`DELETE FROM message WHERE account = ? AND gone_at <= ? AND gone_listing <= ?
		AND NOT EXISTS (SELECT 1 FROM delivery AS d
			WHERE d.account = message.account AND d.uid = message.uid AND d.dup = message.dup)`,
		c.account, c.now()-purgeDays*secondsPerDay, c.info.Listings-purgeListings)
}

func (c *change) pass() error {
	p := c.Pass
	if p == nil {
		return nil
	}
	if p.OK {
		c.info.SucceededAt = c.At
		c.touched = true
	}
	var n int64
	err := c.tx.queryRow(`SELECT coalesce(max(n), 0) + 1 FROM pass WHERE account = ?`, []any{c.account}, &n)
	if err != nil {
		return err
	}
	ok := 0
	if p.OK {
		ok = 1
	}
	err = c.tx.exec(`INSERT INTO pass (account, n, started, ended, ok, verdict, totals) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		c.account, n, p.Started, p.Ended, ok, p.Verdict, p.Totals)
	if err != nil {
		return err
	}
	return c.tx.exec(`DELETE FROM pass WHERE account = ? AND n <= ?`, c.account, n-passesKept)
}

// row writes the account's own row when something in it changed.
func (c *change) row() error {
	i := &c.info
	if s := c.Status; s != nil {
		c.touched = true
		facts := i.Facts
		i.Status = *s
		if s.Facts == nil {
			i.Facts = facts
		} else {
			i.Facts = append([]byte{}, s.Facts...) // the caller may go on using its own
		}
	}
	if !c.touched {
		return nil
	}
	return c.tx.exec(`UPDATE account SET generation = ?, listings = ?, listed_at = ?, clock_confirmed = ?, clock_aged = ?,
			clock_ahead = ?, clock_behind = ?, clock_loose = ?, succeeded_at = ?, next_try = ?, failures = ?, verdict = ?,
			facts = ? WHERE id = ?`,
		i.Generation, i.Listings, i.ListedAt, i.Confirmed, i.Aged, i.Ahead, i.Behind, i.Loose, i.SucceededAt,
		i.NextTry, i.Failures, i.Verdict, i.Facts, c.account)
}
