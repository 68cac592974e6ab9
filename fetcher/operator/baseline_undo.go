package operator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Unmarked is what UndoBaseline did. Counts are of messages.
type Unmarked struct {
	New   int           // as if they had never been listed
	Held  int           // held back: they may have been delivered before the baseline
	Flood *health.Flood // held back again; nil: nothing was
	Doubt bool          // the ledger is in doubt again: see VerifyMode
	// Imported: it was not a baseline of all messages, but of those that another fetcher remembers.
	Imported bool
}

// NoUndoError tells why a baseline cannot be taken back, for people.
type NoUndoError struct{ Why string }

func (e *NoUndoError) Error() string { return e.Why }

// UndoBaseline takes the account's last baseline back: what it marked counts as never listed, and what it ended begins again.
// The error is a *NoUndoError once a pass has fetched anything, or if there was no baseline; uidl.ErrBusy while a pass runs;
// others are judged by Judge. Cut short, it is said again.
func UndoBaseline(ctx context.Context, ledger uidl.Ledger, account string, now time.Time) (Unmarked, error) {
	return undo(ctx, ledger, account, now, false)
}

// UndoImport is UndoBaseline for one that marked what another fetcher remembers. If the last one was another, the error is a *NoUndoError.
func UndoImport(ctx context.Context, ledger uidl.Ledger, account string, now time.Time) (Unmarked, error) {
	return undo(ctx, ledger, account, now, true)
}

func undo(ctx context.Context, ledger uidl.Ledger, account string, now time.Time, imported bool) (u Unmarked, err error) {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return u, err
	}
	defer l.Close()
	f := health.Decode(l.Info().Facts)
	b := f.Baselined
	what := "baseline"
	if imported || b != nil && b.Imported {
		what = "import"
	}
	switch {
	case b == nil:
		return u, &NoUndoError{"there is no " + what + " to take back"}
	case imported && !b.Imported:
		return u, &NoUndoError{"there is no import to take back: messages were last marked by popsync baseline, which popsync baseline --undo takes back"}
	case b.Fetched != 0:
		return u, &NoUndoError{fmt.Sprintf("the %s was on %s, and popsync has fetched mail since, on %s: what it marked stays so. Single messages come by: popsync refetch", what, words.Stamp(b.At), words.Stamp(b.Fetched))}
	}
	fresh, known, err := marked(ctx, l, b.Mark)
	if err != nil {
		return u, err
	}
	u = Unmarked{New: len(fresh), Held: len(known), Flood: b.Flood, Doubt: b.Verify, Imported: b.Imported}
	f.EndFirst()
	f.Unchanged = nil
	if b.First { // which ended nothing; what it left out is no flood
		u.Flood, u.Doubt = nil, false
		f.Backlog = max(f.Backlog, len(fresh))
	} else {
		f.Verify, f.LostAt, f.RenewedAt = b.Verify, b.LostAt, b.RenewedAt
		f.Flood, f.Backlog, f.Accepted = b.Flood, b.Backlog, b.Accepted
	}
	commit := func(c uidl.Change) error {
		st := l.Info().Status
		st.Facts = f.Encode()
		c.At, c.Status = now.Unix(), &st
		return l.Commit(context.WithoutCancel(ctx), c)
	}
	for chunk := range slices.Chunk(known, rowsAtOnce) {
		held, err := heldAgain(ctx, l, chunk)
		if err == nil {
			err = commit(uidl.Change{Put: held})
		}
		if err != nil {
			return Unmarked{}, err
		}
	}
	for chunk := range slices.Chunk(fresh, rowsAtOnce) {
		if err := commit(uidl.Change{Remove: chunk}); err != nil {
			return Unmarked{}, err
		}
	}
	f.Baselined = nil
	return u, commit(uidl.Change{})
}

// marked are the keys that a baseline marked: of what was new, and of what may have been delivered before.
func marked(ctx context.Context, l uidl.Account, mark int64) (fresh, known []uidl.Key, err error) {
	for row, err := range l.Messages(ctx) {
		switch {
		case err != nil:
			return nil, nil, err
		case row.Have != uidl.Seen:
		case row.Generation == health.MarkOf(mark, false):
			fresh = append(fresh, row.Key)
		case row.Generation == health.MarkOf(mark, true):
			known = append(known, row.Key)
		}
	}
	return fresh, known, nil
}

// heldAgain are rows as those of messages that nobody knows to be new.
func heldAgain(ctx context.Context, l uidl.Account, keys []uidl.Key) ([]uidl.Message, error) {
	var all []uidl.Message
	for chunk := range slices.Chunk(keys, 500) {
		rows, err := l.Find(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, m := range rows {
			m.State, m.Facts, m.Reason = uidl.Held, uidl.Facts{}, plan.ReasonHeld
			all = append(all, m)
		}
	}
	return all, nil
}

// rowsAtOnce is how many rows one commit changes.
const rowsAtOnce = 5000
