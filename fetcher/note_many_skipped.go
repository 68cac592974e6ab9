package fetcher

import (
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/uidl"
)

// noteManySkipped writes down what policy leaves on the server in commits of their own where it is much: a million rows in one
// would be in memory several times.
func (s *session) noteManySkipped(ctx context.Context) error {
	if len(s.on.Plan.Skipped) <= headers.Chunk {
		return nil
	}
	for chunk := range slices.Chunk(s.on.Plan.Skipped, headers.Chunk) {
		c := uidl.Change{At: s.desk.ListedAt()}
		for _, f := range chunk {
			s.desk.NoteSkipped(&c, f, 0)
		}
		if len(c.Put)+len(c.Mark) == 0 {
			continue
		}
		if err := s.desk.Settler.Commit(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
