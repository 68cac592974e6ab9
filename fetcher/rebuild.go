package fetcher

import (
	"context"
	"io"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// tagged is a destination that can tell what it has by the tags in its names: deliver.Maildir.
type tagged interface {
	Tagged(ctx context.Context, want func(tag string) bool, found func(tag string, body io.Reader) error) error
}

// headerMost is how much of a stored message is read to know it by its header, in octets.
const headerMost = 256 << 10

// rebuild is for an account of which the ledger knows nothing although its Maildir has its mail: a ledger that was lost
// is not an empty one. Listed messages that every destination with tags has are entered as delivered; only what is still
// there can be recognised. It returns the rows as they are then.
//
// A row may lead to a deletion later only if the server's header of the message is that of the stored one (TOP), and if
// no destination's memory is unknown; else it is kept for good: see never.
func (s *session) rebuild(ctx context.Context, list listing, known *rows) (*rows, error) {
	if len(known.list) > 0 && !s.facts.Verify || list.Len() == 0 || s.o.DryRun {
		return known, nil
	}
	have, sure, err := s.tags(ctx)
	if err != nil || len(have) == 0 {
		return known, err
	}
	found := unknownTo(known, s.withTags(list, have))
	if len(found) == 0 {
		return known, nil
	}
	stored, err := s.storedHeaders(ctx, found)
	if err != nil {
		return nil, err
	}
	nums := make([]int, len(found))
	for i := range found {
		nums[i] = found[i].num
	}
	slices.Sort(nums)
	tops, err := s.fingerprints(ctx, nums)
	if err != nil {
		return nil, err
	}
	c := uidl.Change{At: s.now().Unix()}
	for _, f := range found {
		row := uidl.Row{Key: f.key, State: uidl.Delivered, Size: f.size, FirstSeen: c.At, FirstDay: s.listingDays(), NextTry: never}
		m := uidl.Message{Row: row, Reason: reasonTagged}
		top, headers := tops[f.num], stored[f.tag]
		switch {
		case top == (uidl.Fingerprint{}) || len(headers) == 0:
			// Nothing to compare: the unique-id counts.
		case !slices.Contains(headers, top):
			continue // the unique-id was given to another message since
		default:
			m.Fingerprint = top
			if sure {
				m.NextTry = 0
			}
		}
		c.Put = append(c.Put, m)
	}
	if len(c.Put) == 0 {
		return known, nil
	}
	if err := s.commit(ctx, c); err != nil {
		return nil, err
	}
	s.count(func(r *Report) {
		r.Rebuilt += len(c.Put)
		if len(known.list) == 0 {
			r.Unfetched = list.Len() - len(c.Put)
		}
	})
	return loadRows(ctx, s.l, s.facts.Rows)
}

// tags are those that every destination with tags has. sure: there is no destination without.
func (s *session) tags(ctx context.Context) (have map[string]bool, sure bool, err error) {
	sure = true
	for _, d := range s.dests {
		t, ok := d.Target.(tagged)
		if !ok {
			sure = false
			continue
		}
		here := map[string]bool{}
		err := t.Tagged(ctx, func(tag string) bool {
			if have == nil || have[tag] {
				here[tag] = true
			}
			return false
		}, nil)
		if err != nil {
			return nil, false, err
		}
		have = here
	}
	return have, sure, nil
}

// taggedEntry is a listed message whose tag was found.
type taggedEntry struct {
	entry
	tag string
}

// withTags finds the listed messages that have one of the tags.
func (s *session) withTags(list listing, have map[string]bool) (found []taggedEntry) {
	prev, dup := "", 0
	for k, i := range sortedByUID(list) {
		e := list.At(int(i))
		if !e.HasUID {
			continue
		}
		if dup++; k == 0 || e.UID != prev {
			prev, dup = e.UID, 0
		}
		if tag := deliver.Tag(s.a.Name, e.UID, dup); have[tag] {
			found = append(found, taggedEntry{entry{num: e.Num, size: e.Size, key: uidl.Key{UID: e.UID, Dup: dup}}, tag})
		}
	}
	return found
}

// storedHeaders are the fingerprints of the stored messages with these tags.
func (s *session) storedHeaders(ctx context.Context, found []taggedEntry) (map[string][]uidl.Fingerprint, error) {
	wanted := make(map[string]bool, len(found))
	for i := range found {
		wanted[found[i].tag] = true
	}
	out := make(map[string][]uidl.Fingerprint, len(found))
	fp := new(uidl.Fingerprinter)
	for _, d := range s.dests {
		t, ok := d.Target.(tagged)
		if !ok {
			continue
		}
		err := t.Tagged(ctx, func(tag string) bool { return wanted[tag] }, func(tag string, body io.Reader) error {
			if body == nil {
				return nil
			}
			fp.Reset()
			if _, err := io.Copy(fp, io.LimitReader(body, headerMost)); err != nil {
				return nil // what cannot be read proves nothing
			}
			if sum := fp.Sum(); sum != (uidl.Fingerprint{}) && !slices.Contains(out[tag], sum) {
				out[tag] = append(out[tag], sum)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
