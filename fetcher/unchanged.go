package fetcher

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Most passes find the listing of the last one, less what that deleted, and a few messages behind it. When all of it was
// delivered and policy keeps it for now, there is nothing to decide about it, and the ledger's rows, one for each message
// and tombstone, need not be read: a hash of the listing stands for them.
//
// It stands for them only as long as nothing can have changed them. Whoever changes rows holds the lease, and each lease
// has an epoch of its own (uidl.Info), so the hash counts for the very next one and for no other: a pass that is killed, a
// command, an older popsync, all of them make the next pass read the rows.

// sameHead is what the listing of a session begins with as that of the last pass did: nothing is to be done about it.
type sameHead struct {
	desk *desk.Desk
	on   *desk.Session

	found  bool    // there is one: the ledger's rows were not read
	n      int     // messages in it
	digest *digest // of those; nil: none
	since  health.Unchanged
}

// checkUnchanged is for tests, which compare with what the rows say.
var checkUnchanged func(ctx context.Context, s *session, l *pop3.Listing)

// policyMark is what policy deletes, as it is compared.
func (h *sameHead) policyMark() string {
	switch {
	case h.desk.Account.NeverDelete, h.desk.Account.Policy.Delete == plan.DeleteNever:
		return ""
	case h.desk.Account.Policy.Delete == plan.DeleteAfterDelivery:
		return "delivered" + h.besides()
	}
	return h.desk.Account.Policy.Age.String() + h.besides()
}

// besides is what makes exceptions from that; "": nothing does.
func (h *sameHead) besides() string {
	p := &h.desk.Account.Policy
	if p.Newest == 0 && p.Larger == 0 {
		return ""
	}
	return fmt.Sprintf(" newest %d larger %d", p.Newest, p.Larger)
}

const (
	rowsUnread  = 24 * 3600 // seconds for which rows may stay unread: tombstones grow old
	longestTail = 1000      // new messages that are looked up one by one
)

// mayBe tells whether the ledger's rows may not be needed, as far as that can be told before there is a listing.
// It is told once: what the first session of a pass does changes rows.
func (h *sameHead) mayBe() *health.Unchanged {
	u := h.desk.Health.Unchanged
	h.desk.Health.Unchanged = nil
	switch {
	case u == nil, u.Epoch != h.desk.Settler.L.Info().Epoch-1, u.Generation != h.desk.Settler.Set.Generation, u.Policy != h.policyMark():
	case h.desk.Elsewhere, h.desk.Health.Verify, h.desk.Health.RenewedAt != 0, len(h.desk.Settler.Pending) > 0, len(h.desk.Health.Wire.Short) > 0, h.desk.Options.DryRun, h.mayBeDue(u.Oldest):
	case u.At > h.desk.Now().Unix(), h.desk.Now().Unix()-u.At > rowsUnread:
	default:
		return u
	}
	return nil
}

// mayBeDue tells whether policy may want a message deleted that was first seen then, if the listing to come is complete.
func (h *sameHead) mayBeDue(firstSeen int64) bool {
	p := &h.desk.Account.Policy
	if p.Newest > 0 && p.DeletesAtOnce() && !h.desk.Account.NeverDelete {
		return true // whatever comes behind them makes some the newest no more
	}
	if firstSeen == 0 {
		return false
	}
	clock, _ := h.desk.Settler.L.Info().Clock.Listed(h.desk.ListedAt())
	in := plan.Input{Policy: h.desk.Account.Policy, NeverDelete: h.desk.Account.NeverDelete, Aged: clock.Aged, Now: h.desk.Now()}
	return in.Due(uidl.Row{FirstSeen: firstSeen}, 0)
}

// begins tells whether a listing begins with what u stands for, and goes on with messages that the ledger has no rows of.
// Those that it begins with are then the head.
func (h *sameHead) begins(ctx context.Context, l *pop3.Listing, u *health.Unchanged) (bool, error) {
	tail := l.Len() - u.Count
	// After the ledger was lost, what a listing hid may come up behind: a Maildir may show it, which only Rebuild looks for.
	lost := h.desk.Health.LostAt
	hidden := u.Lost > 0 || lost != 0 && h.desk.Now().Unix()-lost < plan.Lately
	if tail < 0 || tail > longestTail || tail > 0 && hidden || !l.Complete || l.NoUIDL {
		return false, nil
	}
	d := newDigest()
	if !d.add(l, 0, u.Count, nil) || d.sum() != u.Sum {
		return false, nil
	}
	var keys []uidl.Key
	met := map[string]bool{}
	for i := u.Count; i < l.Len(); i++ {
		e := l.At(i)
		if !e.HasUID || met[e.UID] {
			return false, nil
		}
		met[e.UID] = true
		keys = append(keys, uidl.Key{UID: e.UID})
	}
	for len(keys) > 0 {
		n := min(len(keys), 500)
		found, err := h.desk.Settler.L.Find(ctx, keys[:n])
		if err != nil || len(found) > 0 {
			return false, err
		}
		keys = keys[n:]
	}
	h.found, h.n, h.digest, h.since = true, u.Count, d, *u
	return true, nil
}

// remember notes what the next pass may do without rows for, at the end of a session that left nothing undone: what
// was listed, less what was deleted by then.
func (h *sameHead) remember(l *pop3.Listing, comparing bool) {
	pl := h.on.Plan
	delivered := h.desk.Haul.Delivered()
	gone := len(h.on.Removed)
	left := l.Len() - gone
	switch {
	case !l.Complete, l.NoUIDL, pl.Kept+delivered+len(pl.Due) != l.Len():
		return
	case h.desk.Account.Policy.DeletesAtOnce() && !h.desk.Account.NeverDelete && gone != h.desk.Haul.DeliveredOf(h.on.GoesAtOnce)+len(pl.Due), gone < len(pl.Due):
		return
	case h.desk.Account.RetrHides, len(h.desk.Health.Wire.Short) > 0, h.desk.Elsewhere, h.desk.Health.Verify, h.desk.Health.RenewedAt != 0, h.desk.Epoch != desk.Epoch{}, comparing:
		return
	case h.on.Cut, h.on.Partial, pl.SharedBy+pl.Twins.Len()+len(pl.Whole)+len(pl.Question)+len(pl.Skipped)+pl.Back.Len()+len(pl.Withheld)+pl.Parked+pl.Pending+pl.Asked > 0, pl.Purge, pl.Waiting:
		return
	}
	if h.digest == nil {
		h.digest, h.since = newDigest(), health.Unchanged{Lost: pl.LostKept, At: h.desk.Now().Unix()}
	}
	if !h.digest.add(l, h.n, l.Len(), h.on.Removed) {
		return
	}
	oldest := h.since.Oldest
	if pl.Oldest != 0 && (oldest == 0 || pl.Oldest < oldest) {
		oldest = pl.Oldest
	}
	if now := h.desk.Stamp(); delivered > 0 && gone < l.Len() && oldest == 0 && now != uidl.Unstamped {
		oldest = now
	}
	h.desk.Health.Unchanged = &health.Unchanged{Epoch: h.desk.Settler.L.Info().Epoch, Generation: h.desk.Settler.Set.Generation, Policy: h.policyMark(), Count: left,
		Sum: h.digest.sum(), Lost: h.since.Lost, At: h.since.At, Oldest: oldest}
}

// digest is the SHA-256 of listed messages, of each the length of its UID, the UID and its size, in the listing's order.
type digest struct {
	h   hash.Hash
	buf []byte
}

func newDigest() *digest { return &digest{h: sha256.New(), buf: make([]byte, 0, 8<<10)} }

// add takes the messages from i up to n, but for those of some numbers; false if one has no UID.
func (d *digest) add(l *pop3.Listing, i, n int, without map[int]bool) bool {
	for ; i < n; i++ {
		e := l.At(i)
		if without[e.Num] {
			continue
		}
		if !e.HasUID {
			return false
		}
		if len(d.buf)+len(e.UID)+2*binary.MaxVarintLen64 > cap(d.buf) {
			d.flush()
		}
		d.buf = binary.AppendUvarint(d.buf, uint64(len(e.UID)))
		d.buf = append(d.buf, e.UID...)
		d.buf = binary.AppendUvarint(d.buf, uint64(e.Size))
	}
	return true
}

func (d *digest) flush() {
	d.h.Write(d.buf)
	d.buf = d.buf[:0]
}

// sum is that of all that was added; more may be added after it.
func (d *digest) sum() string {
	d.flush()
	return base64.RawStdEncoding.EncodeToString(d.h.Sum(nil))
}

// tail is a listing without its first messages.
type tail struct {
	plan.Listing
	head int
}

func (t tail) Len() int            { return t.Listing.Len() - t.head }
func (t tail) At(i int) pop3.Entry { return t.Listing.At(i + t.head) }
