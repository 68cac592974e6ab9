package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// change is a Change being applied within one transaction. It works on copies of what the account keeps in memory.
type change struct {
	uidl.Change
	tx      *tx
	account int64 // 0: the account has no row yet
	info    uidl.Info
	lastSeq int64
	touched bool                   // the account's own row has to be written
	known   map[string]destination // by name; read when they are needed
}

// apply writes the change in the order of its fields. The account's row comes last but for the pass: it is written
// once, whatever changed in it.
func (c *change) apply() error {
	for _, step := range [...]func() error{
		c.fence, c.lift, c.list, c.newGeneration, c.fold, c.destinations, c.vouch, c.release, c.move,
		c.remove, c.put, c.renew, c.mark, c.gone, c.back, c.stage, c.settle, c.purge, c.pass, c.row,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fence fails when a later lease than ours was given out, or the row went; it makes the row of an account that has none.
// The token is looked at too: SQLite gives the id of a row that went to another.
func (c *change) fence() error {
	if c.account == 0 {
		return c.create()
	}
	var epoch int64
	err := c.tx.queryRow(`SELECT epoch FROM account WHERE id = ? AND token = ?`, []any{c.account, c.info.Token}, &epoch)
	if errors.Is(err, sql.ErrNoRows) || err == nil && epoch != c.info.Epoch {
		return errTaken
	}
	return err
}

var errTaken = fmt.Errorf("%w: another process took over the account", uidl.ErrLeaseLost)

// create makes the account's row. One that is there already was made by a holder of a later lease.
func (c *change) create() error {
	n, err := c.tx.execCount(`INSERT INTO account (name, epoch) VALUES (?, 1) ON CONFLICT (name) DO NOTHING`, c.info.Name)
	if err != nil {
		return err
	}
	if n == 0 {
		return errTaken
	}
	c.info.Epoch = 1
	return c.tx.queryRow(`SELECT id, token FROM account WHERE name = ?`, []any{c.info.Name}, &c.account, &c.info.Token)
}

func (c *change) lift() error {
	if c.Lift <= c.info.Epoch {
		return nil
	}
	c.info.Epoch = c.Lift
	return c.tx.exec(`UPDATE account SET epoch = ? WHERE id = ?`, c.Lift, c.account)
}

// list counts a listing. Rows are looked for that lie ahead of the clock only when there may be some: that reads all.
func (c *change) list() error {
	if !c.Listed {
		return nil
	}
	i := &c.info
	i.Listings++
	i.ListedAt = c.At
	c.touched = true
	next, fix := i.Clock.Listed(c.At)
	i.Clock = next
	if !fix {
		return nil
	}
	return c.tx.exec(`UPDATE message SET first_seen = ?1 WHERE account = ?2 AND first_seen > ?1`, next.Confirmed, c.account)
}

func (c *change) newGeneration() error {
	if c.Generation != 0 {
		c.info.Generation = c.Generation
		c.touched = true
	}
	return nil
}

// now is the time that tombstones count by.
func (c *change) now() int64 { return c.info.Clock.Now(c.At) }

var errUnknown = errors.New("the ledger has no such message")

// must runs an update of one message row, which must exist.
func (c *change) must(query string, args ...any) error {
	n, err := c.tx.execCount(query, args...)
	if err == nil && n == 0 {
		err = errUnknown
	}
	return err
}

// named adds to an error which row it is about.
func named(op string, k uidl.Key, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", op, k.Quoted(), err)
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
