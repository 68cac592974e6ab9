package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite/leasefile"
)

// Rename gives accounts other names: everything that is known of them goes along. It holds the leases of all names
// meanwhile, taken in the order of names, so that two renamings never wait for each other in a circle.
func (l *Ledger) Rename(ctx context.Context, moves []uidl.Renaming) error {
	if len(moves) == 0 {
		return nil
	}
	if err := l.rename(ctx, moves); err != nil {
		return fmt.Errorf("rename account %.80q to %.80q%s: %w", moves[0].From, moves[0].To, andMore(len(moves)-1), err)
	}
	return nil
}

func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

func (l *Ledger) rename(ctx context.Context, moves []uidl.Renaming) error {
	if err := checkMoves(moves); err != nil {
		return err
	}
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	leases := map[string]*leasefile.Lease{}
	defer func() {
		for _, lease := range leases {
			lease.Release()
		}
	}()
	for _, m := range moves {
		leases[m.From], leases[m.To] = nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(leases)) {
		held, err := leasefile.Take(l.leases, name)
		if err != nil {
			maps.DeleteFunc(leases, func(_ string, l *leasefile.Lease) bool { return l == nil })
			return err
		}
		leases[name] = held
	}
	r := renaming{moves: moves, to: make([]uidl.Note, len(moves))}
	if err := l.write(ctx, false, func(t *tx) error { r.tx = t; return r.apply() }); err != nil {
		return err
	}
	r.carry(leases)
	return nil
}

// checkMoves refuses what is no renaming: to itself, twice from or to one name.
func checkMoves(moves []uidl.Renaming) error {
	from, to := map[string]bool{}, map[string]bool{}
	for _, m := range moves {
		if err := errors.Join(uidl.CheckName(m.From), uidl.CheckName(m.To)); err != nil {
			return err
		}
		if m.From == m.To || from[m.From] || to[m.To] {
			return fmt.Errorf("%s to %s: it has that name, or a name is there twice", m.From, m.To)
		}
		from[m.From], to[m.To] = true, true
	}
	return nil
}

// renaming is a set of moves being applied within one transaction.
type renaming struct {
	tx    *tx
	moves []uidl.Renaming
	to    []uidl.Note // of each account that moves: its token, and its epoch from now on
}

// apply moves all accounts out of the way before any gets its name, so that they may swap.
func (r *renaming) apply() error {
	ids := make([]int64, len(r.moves))
	facts := make([][]byte, len(r.moves))
	for i, m := range r.moves {
		n := &r.to[i]
		err := r.tx.queryRow(`SELECT id, token, epoch + 1, facts FROM account WHERE name = ?`, []any{m.From}, &ids[i], &n.Token, &n.Epoch, &facts[i])
		if errors.Is(err, sql.ErrNoRows) {
			err = errors.New("the ledger has no such account")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.From, err)
		}
	}
	for _, id := range ids {
		if err := r.tx.exec(`UPDATE account SET name = char(1) || id WHERE id = ?`, id); err != nil {
			return err
		}
	}
	for i, m := range r.moves {
		empty, err := r.drop(m.To)
		if err != nil {
			return fmt.Errorf("%s: %w", m.To, err)
		}
		if m.Facts != nil {
			facts[i] = m.Facts(facts[i], empty)
		}
		err = r.tx.exec(`UPDATE account SET name = ?, epoch = ?, facts = ? WHERE id = ?`, m.To, r.to[i].Epoch, facts[i], ids[i])
		if err != nil {
			return err
		}
	}
	return nil
}

// drop removes an account that was only looked at and told things; ErrNameTaken when it is more than that.
func (r *renaming) drop(name string) (facts []byte, err error) {
	var id, used int64
	err = r.tx.queryRow(`SELECT id, facts, listings + EXISTS (SELECT 1 FROM message WHERE account = a.id)
			+ EXISTS (SELECT 1 FROM destination WHERE account = a.id)
		FROM account AS a WHERE name = ?`, []any{name}, &id, &facts, &used)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case used > 0:
		return nil, uidl.ErrNameTaken
	}
	if err := r.tx.exec(`DELETE FROM pass WHERE account = ?`, id); err != nil {
		return nil, err
	}
	return facts, r.tx.exec(`DELETE FROM account WHERE id = ?`, id)
}

// carry lets markers and notes follow their accounts. It comes after the commit: a crash in between leaves a note of an
// account that has another name, which counts for nothing, and a marker that names a message to be careful with.
func (r *renaming) carry(leases map[string]*leasefile.Lease) {
	type content struct {
		marker uidl.Key
		note   uidl.Note
	}
	next := map[string]content{} // what no account moves to is cleared
	for i, m := range r.moves {
		from := leases[m.From]
		k, _ := from.Interrupted()
		n := from.Noted()
		if n == (uidl.Note{}) || n.Token == r.to[i].Token && n.Epoch < r.to[i].Epoch {
			n = r.to[i]
		}
		next[m.To] = content{k, n}
	}
	for name, lease := range leases {
		_ = lease.Reading(next[name].marker) // it cannot be told any more, and misleads nobody for long
		lease.Note(next[name].note)
	}
}
