package rebuild

import (
	"context"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// Rebuild is for an account whose ledger may lack rows although mail was delivered: a ledger that was lost is not an empty
// one. Listed messages that a Maildir shows are entered as delivered there. What is found nowhere may have been delivered
// and moved away by its reader, so it is held back until a person says what it is; only what comes later is new. It returns
// the rows as they are then.
//
// Policy may delete such a message only if the server's header of it is that of the stored one (TOP), and if every required
// destination shows it; else it is Unsure.
func (s *Rebuilder) Rebuild(ctx context.Context, list plan.Listing, complete bool, known *plan.Rows, look Look) (*plan.Rows, error) {
	lately := s.Settler.Health.LostAt != 0 && s.Now().Unix()-s.Settler.Health.LostAt < plan.Lately
	begins := known.Len() == 0 && s.Settler.L.Info().Listings == 0 // of a ledger before there were notes, perhaps
	if look.DryRun {
		return s.foreseeRebuild(list, known), nil
	}
	if s.Settler.Health.Verify || s.Settler.Set.FetchesRest() {
		if changed, err := s.reconsiderRows(ctx, known, list); err != nil {
			return nil, err
		} else if changed {
			if known, err = plan.LoadRows(ctx, s.Settler.L, nil); err != nil {
				return nil, err
			}
		}
	}
	if !begins && !s.Settler.Health.Verify && !lately {
		return known, nil
	}
	if !s.Settler.Health.Verify { // to look first whether there is anything spares a tag for each message of a first import
		if any, err := s.anyTag(ctx); err != nil || !any {
			return known, err
		}
	}
	if err := look.Memory(StrangerOctets * int64(list.Len())); err != nil {
		return known, err
	}
	strangers := s.strangersTo(known, list)
	if len(strangers) == 0 {
		return known, s.ledgerWhole(ctx, complete && s.Settler.Health.Verify)
	}
	have, err := s.tags(ctx, strangers)
	if err != nil {
		return known, err
	}
	lost := s.Settler.Health.Verify || begins && len(have) > 0
	if !lost && len(have) == 0 {
		return known, nil
	}
	s.Found = s.Found || lost
	found, rest := strangers[:0:0], strangers[:0:0]
	for _, e := range strangers {
		if have[e.tag] != 0 {
			found = append(found, e)
		} else if !e.held {
			rest = append(rest, e)
		}
	}
	c, err := s.recogniseStored(ctx, found, have, lost, look)
	if err != nil {
		return nil, err
	}
	if lost {
		for _, e := range rest {
			c.Put = append(c.Put, s.HeldBack(e.Entry))
		}
	}
	for chunk := range slices.Chunk(c.Put, rowsAtOnce) {
		if err := s.Settler.Commit(ctx, uidl.Change{At: c.At, Put: chunk}); err != nil {
			return nil, err
		}
	}
	held := 0
	for i := range c.Put {
		if c.Put[i].State == uidl.Held {
			held++
		}
	}
	s.Rec.Count(func(r *report.Report) {
		r.Rebuilt += len(c.Put) - held
		r.Unfetched += held
	})
	if err := s.ledgerWhole(ctx, complete && lost); err != nil {
		return nil, err
	}
	return plan.LoadRows(ctx, s.Settler.L, nil)
}

// HeldBack is the row of a message that nobody knows to be new.
func (s *Rebuilder) HeldBack(e plan.Entry) uidl.Message {
	return uidl.Message{Reason: plan.ReasonHeld, Row: uidl.Row{Key: e.Key, State: uidl.Held, Size: e.Size, FirstSeen: s.Stamp()}}
}

// ledgerWhole notes that every listed message has a row: what comes from now on is new, but for what a listing hid.
func (s *Rebuilder) ledgerWhole(ctx context.Context, sure bool) error {
	if !sure {
		return nil
	}
	s.Settler.Health.Verify, s.Settler.Health.LostAt = false, s.Now().Unix()
	return s.Settler.Commit(ctx, uidl.Change{At: s.Now().Unix(), Status: s.Status()})
}

// stranger is a listed message that the ledger has no row of.
type stranger struct {
	plan.Entry
	tag  string // by which Maildirs show it: the first of those that it may have
	held bool   // it has a row after all, which holds it back
}

// StrangerOctets is about what it takes to look for a message in the Maildirs, with the row that is made of it.
const StrangerOctets = 600

// anyTag tells whether a Maildir shows any message under one of our names.
func (s *Rebuilder) anyTag(ctx context.Context) (any bool, err error) {
	for _, d := range s.Settler.Places {
		t := d.Can().Tagger
		if t == nil || d.Fallback || any {
			continue
		}
		err := t.Tagged(ctx, func(string) bool {
			any = true
			return false
		}, nil)
		if err != nil {
			return false, err
		}
	}
	return any, nil
}

func (s *Rebuilder) strangersTo(known *plan.Rows, list plan.Listing) (all []stranger) {
	prev, dup := "", 0
	for k, i := range plan.SortedByUID(list) {
		e := list.At(int(i))
		if !e.HasUID {
			continue
		}
		if dup++; k == 0 || e.UID != prev {
			prev, dup = e.UID, 0
		}
		key := uidl.Key{UID: e.UID, Dup: dup}
		if i, ok := known.Find(key); !ok || s.Settler.Health.Verify && s.undelivered(known, i, key) {
			all = append(all, stranger{Entry: plan.Entry{Num: e.Num, Size: e.Size, Key: key}, held: ok && known.At(i).State == uidl.Held})
		}
	}
	return all
}

// undelivered tells of a row that no place has its message, and no copy is on its way, as far as the ledger knows: an older
// one may not know that it came since. What is held back may have come since a person let it through.
func (s *Rebuilder) undelivered(known *plan.Rows, i int, k uidl.Key) bool {
	row := known.At(i)
	switch {
	case row.State != uidl.Wanted && row.State != uidl.Parked && row.State != uidl.Skipped && row.State != uidl.Held:
		return false
	case known.Kinds[row.Kind].Have.Destinations() != 0:
		return false
	}
	return s.Settler.Pending[k] == nil
}

// names are what the account may be called in name tags: by its token, by those of ledgers that were lost, and by its name, as
// earlier versions did, unless that was another mailbox's.
func (s *Rebuilder) names() []string {
	tokens, given := s.met()
	tokens = append(tokens, s.Settler.L.Info().Token)
	if !given {
		tokens = append(tokens, s.Name)
	}
	return tokens
}

// tags are those of the strangers that Maildirs show, and which do. A fallback does not count: what it has others lack.
func (s *Rebuilder) tags(ctx context.Context, of []stranger) (map[string]uidl.Places, error) {
	names := s.names()
	first := make(map[string]string, len(of)) // of each tag that a message may have
	for i := range of {
		e := &of[i]
		e.tag = deliver.Tag(names[0], e.Key.UID, e.Key.Dup)
		for _, name := range names {
			first[deliver.Tag(name, e.Key.UID, e.Key.Dup)] = e.tag
		}
	}
	s.tagged = first
	have := map[string]uidl.Places{}
	for _, d := range s.Settler.Places {
		t := d.Can().Tagger
		if t == nil || d.Fallback {
			continue
		}
		err := t.Tagged(ctx, func(tag string) bool {
			if tag, ok := first[tag]; ok {
				have[tag] |= d.Bit()
			}
			return false
		}, nil)
		if err != nil {
			return nil, err
		}
	}
	return have, nil
}

// recogniseStored makes rows of the messages that Maildirs show. One whose header is another now is not the stored one.
func (s *Rebuilder) recogniseStored(ctx context.Context, found []stranger, have map[string]uidl.Places, lost bool, look Look) (c uidl.Change, err error) {
	c.At = s.Now().Unix()
	if len(found) == 0 {
		return c, nil
	}
	stored, err := s.storedCopies(ctx, found)
	if err != nil {
		return c, err
	}
	nums := make([]int, len(found))
	for i := range found {
		nums[i] = found[i].Num
	}
	slices.Sort(nums)
	tops, err := look.Headers(ctx, nums)
	if err != nil {
		return c, err
	}
	for _, f := range found {
		facts := uidl.Facts{Have: have[f.tag], Generation: uidl.BeforeAll}
		m := uidl.Message{Reason: plan.ReasonTagged, Row: uidl.Row{Key: f.Key, State: uidl.Delivered, Size: f.Size, FirstSeen: s.Stamp(), Facts: facts}}
		top, copies := tops[f.Num], stored[f.tag]
		// What it is known by later, also where nothing can be compared now. Of several copies, of messages that had the same
		// unique-id one after another, nobody knows then which it is: see Shows.
		i := slices.IndexFunc(copies, func(c Copy) bool { return c.Header == top })
		if i < 0 && len(copies) == 1 {
			i = 0
		}
		if i >= 0 {
			m.Fingerprint, m.SHA256 = copies[i].Header, copies[i].content
		}
		switch {
		case (top == (uidl.Fingerprint{}) || len(copies) == 0) && f.held:
			continue // what the Maildir shows may be the very message that it was held back for
		case top == (uidl.Fingerprint{}) || len(copies) == 0:
			m.Have |= uidl.Unsure // nothing to compare: the unique-id counts
		case !slices.ContainsFunc(copies, func(c Copy) bool { return c.Header == top }):
			if lost && !f.held { // the unique-id was given to another message since, new or not
				c.Put = append(c.Put, s.HeldBack(f.Entry))
			}
			continue
		default:
			if s.Settler.Set.Required&^m.Have != 0 || look.Weak(f.Num) { // such a header another message may have too, under the same unique-id
				m.Have |= uidl.Unsure
			}
		}
		// A person who once wanted the rest for a destination did not speak of this message: it may have been there, and its
		// reader took it.
		if s.Settler.Set.Lacks(m.Facts) != 0 {
			m.State, m.Reason = uidl.Held, plan.ReasonHeld
		}
		c.Put = append(c.Put, m)
	}
	return c, nil
}

// foreseeRebuild gives the rows that a ledger would have which was lost or is an older copy: what it does not know is held back,
// unless a Maildir shows it. Into those a dry run does not look.
func (s *Rebuilder) foreseeRebuild(list plan.Listing, known *plan.Rows) *plan.Rows {
	if !s.Settler.Health.Verify {
		return known
	}
	strangers := s.strangersTo(known, list)
	held := make([]uidl.Message, len(strangers))
	for i, e := range strangers {
		held[i] = s.HeldBack(e.Entry)
	}
	if len(held) > 0 {
		s.Rec.Mention("of what is held back, the run takes as delivered what a Maildir still shows")
	}
	return known.With(held)
}

// rowsAtOnce is how many rows one commit changes.
const rowsAtOnce = 5000
