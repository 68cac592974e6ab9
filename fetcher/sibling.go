package fetcher

import (
	"context"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// maxSiblings is how many messages with one UID are looked through.
const maxSiblings = 32

// sibling finds a delivered message that had the same UID at another place of the listing, is not listed there any more,
// and is this one: when the first of several messages with one UID leaves the server, the others move up.
func (s *session) sibling(ctx context.Context, k uidl.Key, is func(*uidl.Message) bool) (*uidl.Message, error) {
	keys := make([]uidl.Key, 0, maxSiblings)
	for dup := k.Dup + 1; dup <= k.Dup+maxSiblings; dup++ {
		keys = append(keys, uidl.Key{UID: k.UID, Dup: dup})
	}
	found, err := s.l.Find(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i := range found {
		m := &found[i]
		known := m.State == uidl.Delivered || m.State == uidl.DeleteSent
		if known && (m.GoneAt != 0 || slices.Contains(s.plan.gone, m.Key) || s.inQuestion(m.Key)) && !s.moved[m.Key] && is(m) {
			return m, nil
		}
	}
	return nil, nil
}

// inQuestion tells that what is listed under a known key has another size, and has not been read yet.
func (s *session) inQuestion(k uidl.Key) bool {
	return !s.stands[k] && slices.ContainsFunc(s.plan.fetch, func(f fetchStep) bool { return f.compare && f.reason == reasonSize && f.key == k })
}

// takePlace writes a delivered message down under the place where it is listed now.
func (s *session) takePlace(e entry, m *uidl.Message) {
	if s.moved == nil {
		s.moved = map[uidl.Key]bool{}
	}
	s.moved[m.Key] = true
	row := *m
	row.Key, row.Size, row.State, row.GoneAt, row.GoneListing = e.key, e.size, uidl.Delivered, 0, 0
	s.later(func(c *uidl.Change) {
		c.At = s.now().Unix()
		c.Put = append(c.Put, row)
	})
}
