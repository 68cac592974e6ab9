package recognise

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// An account may be given another mailbox under its old name: a provider moved, or a person starts anew. Which of the
// two, only the messages tell. Servers that number their messages give the same unique-ids to others, and a message
// that is taken for one that was delivered is never fetched; to fetch all again would be a flood. So every known
// unique-id that is listed is recognised anew, once, by its header or else by its content.

// Mailbox deals with another mailbox under an account's name, and with rows whose message has another unique-id now.
type Mailbox struct {
	Desk *desk.Desk
	Met  map[uidl.Key]bool // where the mailbox is another one: messages that were recognised in this pass
}

// CompareMailbox notices another mailbox at the beginning of a pass.
func (b *Mailbox) CompareMailbox() {
	b.Desk.Elsewhere = b.Desk.Account.Mailbox != "" && b.Desk.Health.Mailbox != "" && b.Desk.Health.Mailbox != b.Desk.Account.Mailbox
	if !b.Desk.Elsewhere && b.Desk.Account.Mailbox != "" {
		b.Desk.Health.Mailbox = b.Desk.Account.Mailbox
	}
	if b.Desk.Elsewhere {
		b.Desk.Health.Wire, b.Desk.Health.NoPipeliningUntil = health.WireFacts{}, 0 // another server's
	}
}

// MoveAside gives what is open of another mailbox, and what is open of messages whose unique-ids were given away, keys that
// no server gives: what comes under the same unique-ids now is new, and what is on its way still goes. It comes before
// anything is on its way in this pass.
func (b *Mailbox) MoveAside(ctx context.Context) error {
	moves := map[uidl.Key]uidl.Key{} // and what they are called now, if anything
	for _, m := range b.Desk.Health.Displaced {
		moves[m.From.Key()] = m.To.Key()
	}
	b.Desk.Health.Displaced = nil
	if !b.Desk.Elsewhere && len(moves) == 0 {
		return nil
	}
	var c uidl.Change
	if err := b.bringBack(ctx, moves, &c); err != nil {
		return err
	}
	pending, err := b.Desk.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	met := map[uidl.Key]bool{} // one of a message's deliveries is enough
	for _, m := range c.Move {
		met[m.From] = true
	}
	for _, row := range pending {
		if met[row.Key] {
			continue
		}
		met[row.Key] = true
		if to, asked := moves[row.Key]; asked && to.UID != "" || !asked && (!b.Desk.Elsewhere || strings.HasPrefix(row.UID, plan.FormerName)) {
			continue
		}
		b.aside(&c, row.Key)
	}
	if len(c.Move) == 0 {
		return nil
	}
	c.Status = b.Desk.Status()
	return b.Desk.Settler.Commit(ctx, c)
}

// bringBack gives messages that were on their way when they were met under another unique-id that one, wherever they are by
// now. Of equal ones one gets it. Unique-ids may have been turned round: one that is left and taken is left first.
func (b *Mailbox) bringBack(ctx context.Context, moves map[uidl.Key]uidl.Key, c *uidl.Change) error {
	there := map[uidl.Key]*uidl.Message{}
	for chunk := range slices.Chunk(slices.Concat(slices.Collect(maps.Keys(moves)), slices.Collect(maps.Values(moves))), 500) {
		rows, err := b.Desk.Settler.L.Find(ctx, chunk)
		if err != nil {
			return err
		}
		for i := range rows {
			there[rows[i].Key] = &rows[i]
		}
	}
	taken := map[uidl.Key]uidl.Key{} // by which row
	leaves := map[uidl.Key]bool{}
	for from, to := range moves {
		_, twice := taken[to]
		if to.UID == "" || to == from || twice || there[from] == nil || there[to] != nil && there[to].Have.Destinations() != 0 && there[to].Reason != reasonMoved {
			continue
		}
		taken[to], leaves[from] = from, true
	}
	at := map[uidl.Key]uidl.Key{} // of rows that left
	for to := range taken {
		switch {
		case there[to] == nil:
		case leaves[to]:
			at[to] = b.formerKey(to)
			c.Move = append(c.Move, uidl.Moved{From: to, To: at[to]})
		default: // listed meanwhile, and never retrieved; or its own, of before
			b.aside(c, to)
		}
	}
	for to, from := range taken {
		if k, left := at[from]; left {
			from = k
		}
		c.Move, c.Back = append(c.Move, uidl.Moved{From: from, To: to}), append(c.Back, to)
	}
	return nil
}

// aside gives a message a key that no server gives.
func (b *Mailbox) aside(c *uidl.Change, k uidl.Key) {
	to := b.formerKey(k)
	c.Move, c.Gone = append(c.Move, uidl.Moved{From: k, To: to}), append(c.Gone, to)
}

// formerKey is a key that no server gives. The lease's number makes it differ each time: accounts go back and forth between
// mailboxes.
func (b *Mailbox) formerKey(k uidl.Key) uidl.Key {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s", b.Desk.Settler.L.Info().Epoch, b.Desk.Health.Mailbox, k.UID))
	return uidl.Key{UID: plan.FormerName + hex.EncodeToString(sum[:]), Dup: k.Dup}
}

// Displace notes that a message on its way is not what is listed under its unique-id, or, with to, that it is listed under
// another one now. The next pass moves it, before anything of it is on its way again.
func (b *Mailbox) Displace(k, to uidl.Key) {
	known := slices.ContainsFunc(b.Desk.Health.Displaced, func(d health.Displaced) bool { return d.From.Key() == k })
	if !known && len(b.Desk.Health.Displaced) < mostDisplaced {
		b.Desk.Health.Displaced = append(b.Desk.Health.Displaced, health.Displaced{From: health.StoredKey{UID: []byte(k.UID), Dup: k.Dup}, To: health.StoredKey{UID: []byte(to.UID), Dup: to.Dup}})
	}
}

// mostDisplaced bounds what is remembered of them; the rest comes with later passes.
const mostDisplaced = 1000

// SettledIn notes that a session went through with all that is listed: from now on the rows are of this mailbox.
func (b *Mailbox) SettledIn() {
	if b.Desk.Elsewhere {
		b.Desk.Elsewhere, b.Desk.Health.Mailbox = false, b.Desk.Account.Mailbox
	}
}
