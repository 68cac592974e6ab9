package uidl

import (
	"context"
	"fmt"
	"strconv"
)

const (
	secondsPerDay  = 86_400
	purgeDays      = 90
	purgeListings  = 10
	passesKept     = 100
	keyShownOctets = 80
)

// Commit applies one change in one transaction.
func (a *account) Commit(ctx context.Context, c Change) error {
	if c.empty() {
		return nil
	}
	if err := a.commit(ctx, c); err != nil {
		return fmt.Errorf("commit to ledger, account %s: %w", a.name, a.l.explain(err))
	}
	return nil
}

func (a *account) commit(ctx context.Context, c Change) error {
	if err := c.check(); err != nil {
		return err
	}
	if !a.lease.held() {
		return errClosed
	}
	// One change of an account at a time: a change is computed from the Info that the one before leaves.
	a.commits.Lock()
	defer a.commits.Unlock()
	a.mu.Lock()
	ch := change{Change: c, account: a.id, info: a.info, lastSeq: a.lastSeq}
	a.mu.Unlock()
	err := a.l.writer.transact(ctx, func(t *tx) error { ch.tx = t; return ch.apply() })
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.info, a.lastSeq = ch.info, ch.lastSeq
	a.mu.Unlock()
	return nil
}

// empty says that the change writes nothing; At alone is no change.
func (c *Change) empty() bool {
	return !c.Listed && !c.Purge && c.Status == nil && c.Pass == nil &&
		len(c.Destinations)+len(c.Put)+len(c.Mark)+len(c.Gone)+len(c.Back)+len(c.Stage)+len(c.Settle) == 0
}

// check refuses what no caller should ask for before a transaction begins.
func (c *Change) check() error {
	for i := range c.Destinations {
		if c.Destinations[i].Name == "" {
			return fmt.Errorf("destination without a name")
		}
	}
	for i := range c.Put {
		if err := checkRow("put", c.Put[i].Key, c.Put[i].State >= Wanted && c.Put[i].State <= Skipped); err != nil {
			return err
		}
	}
	for i := range c.Mark {
		if err := checkRow("mark", c.Mark[i].Key, c.Mark[i].State >= Wanted && c.Mark[i].State <= Skipped); err != nil {
			return err
		}
	}
	for i := range c.Stage {
		d := &c.Stage[i]
		if err := checkRow("stage", d.Key, d.State >= Staged && d.State <= Owed); err != nil {
			return err
		}
		if d.Destination == "" {
			return fmt.Errorf("stage %s: no destination", d.Key.show())
		}
	}
	return nil
}

func checkRow(op string, k Key, stateOK bool) error {
	if err := checkKey(k); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if !stateOK {
		return fmt.Errorf("%s %s: unknown state", op, k.show())
	}
	return nil
}

func checkKey(k Key) error {
	if len(k.UID) < 1 || len(k.UID) > uidMax || k.Dup < 0 || int64(k.Dup) > 1<<31-1 {
		return fmt.Errorf("key %s: a UID has 1 to %d octets, Dup is not negative", k.show(), uidMax)
	}
	return nil
}

// show prints a key for an error: printable ASCII, cut.
func (k Key) show() string {
	uid := k.UID
	if len(uid) > keyShownOctets {
		uid = uid[:keyShownOctets] + "..."
	}
	return strconv.QuoteToASCII(uid) + "/" + strconv.Itoa(k.Dup)
}
