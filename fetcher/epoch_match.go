package fetcher

import (
	"context"

	"github.com/popsync/popsync/uidl"
)

// formers are messages that were delivered and are not listed any more, to be matched as a multiset.
type formers struct {
	byHeader  map[uidl.Fingerprint][]*uidl.Message
	byContent map[[32]byte][]*uidl.Message
	taken     map[uidl.Key]bool
}

// formersOf are the lost messages that have one of these headers.
func (s *session) formersOf(ctx context.Context, tops map[int]uidl.Fingerprint, lost map[uidl.Key]bool) (*formers, error) {
	fps := make([]uidl.Fingerprint, 0, len(tops))
	for _, fp := range tops {
		if fp != (uidl.Fingerprint{}) {
			fps = append(fps, fp)
		}
	}
	rows, err := s.l.Matches(ctx, fps)
	if err != nil {
		return nil, err
	}
	f := &formers{byHeader: map[uidl.Fingerprint][]*uidl.Message{}, taken: map[uidl.Key]bool{}}
	for i := range rows {
		if m := &rows[i]; lost[m.Key] && m.Reason != reasonMoved {
			f.byHeader[m.Fingerprint] = append(f.byHeader[m.Fingerprint], m)
		}
	}
	return f, nil
}

// byHeaderOf takes the former message with this header whose size comes closest, or nil when none is left or all are
// too far off: then the content must tell.
func (f *formers) byHeaderOf(fp uidl.Fingerprint, size int64) *uidl.Message {
	var best *uidl.Message
	for _, m := range f.byHeader[fp] {
		if !f.taken[m.Key] && (best == nil || distance(m, size) < distance(best, size)) {
			best = m
		}
	}
	if best == nil || distance(best, size) > sizeSlack+max(best.Size, best.Octets)/8 {
		return nil
	}
	f.taken[best.Key] = true
	return best
}

// distance is by how much a listed size differs from what is known of a message.
func distance(m *uidl.Message, size int64) int64 {
	d := max(m.Size-size, size-m.Size)
	if m.Octets > 0 {
		d = min(d, max(m.Octets-size, size-m.Octets))
	}
	if size == 0 || m.Size == 0 {
		return 0
	}
	return d
}
