package delivertest

import (
	"slices"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func looker(change func(*MemoryLooker)) func(t testing.TB) LookerBench {
	return func(testing.TB) LookerBench {
		box := NewMemoryMailbox()
		return box.Bench(func() deliver.Sender {
			s := &MemoryLooker{Box: box, doubts: true}
			change(s)
			return s
		})
	}
}

func TestMemoryLookerConforms(t *testing.T) {
	RunLooker(t, looker(func(*MemoryLooker) {}))
}

func TestSuiteNoticesBrokenLookers(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*MemoryLooker)
		caught string
	}{
		{"nothing is wrong", func(*MemoryLooker) {}, ""},
		{"forgets to look", func(s *MemoryLooker) { s.Forgets = true }, "found after doubt"},
		{"goes by the Message-ID alone", func(s *MemoryLooker) { s.ByID = true }, "another one with its Message-ID"},
		{"begins where the answer to a message says", func(s *MemoryLooker) { s.LateBase = true }, "found after doubt"},
		{"takes one copy for two messages", func(s *MemoryLooker) { s.Unclaimed = true }, "twins"},
		{"guesses", func(s *MemoryLooker) { s.Guesses = true }, "looks fail"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := LookerFailures(t, looker(test.change))
			if test.caught == "" && len(got) > 0 || test.caught != "" && !slices.Contains(got, test.caught) {
				t.Errorf("failed checks: %q, want %q among them", got, test.caught)
			}
		})
	}
}

func batcher(change func(*MemoryBatcher)) func(t testing.TB) LookerBench {
	return func(testing.TB) LookerBench {
		box := NewMemoryMailbox()
		return box.Bench(func() deliver.Sender {
			s := MemoryBatcher{MemoryLooker: &MemoryLooker{Box: box, doubts: true}}
			change(&s)
			return s
		})
	}
}

func TestMemoryBatcherConforms(t *testing.T) {
	RunLooker(t, batcher(func(*MemoryBatcher) {}))
}

func TestSuiteNoticesBrokenBatches(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*MemoryBatcher)
		caught string
	}{
		{"nothing is wrong", func(*MemoryBatcher) {}, ""},
		{"forgets to look", func(s *MemoryBatcher) { s.Forgets = true }, "a batch in doubt"},
		{"goes by the Message-ID alone", func(s *MemoryBatcher) { s.ByID = true }, "a batch in doubt, another one with its Message-ID"},
		{"begins where the answer to a message says", func(s *MemoryBatcher) { s.LateBase = true }, "a batch in doubt"},
		{"takes one copy for two messages", func(s *MemoryBatcher) { s.Unclaimed = true }, "a batch of twins in doubt"},
		{"takes one copy for two messages of a batch", func(s *MemoryBatcher) { s.Overlaps = true }, "a batch of twins in doubt"},
		{"one look goes for all", func(s *MemoryBatcher) { s.OneLook = true }, "a batch in doubt"},
		{"takes batches unproved", func(s *MemoryBatcher) { s.Hasty = true }, "no batch before looking is proved"},
		{"takes batches though a look failed", func(s *MemoryBatcher) { s.Hasty = true }, "no batch after a look failed"},
		{"sends where it is to look", func(s *MemoryBatcher) { s.Resends = true }, "a batch arrives"},
		{"takes what came behind a doubt for not sent", func(s *MemoryBatcher) { s.Certain = true }, "a batch in doubt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := LookerFailures(t, batcher(test.change))
			if test.caught == "" && len(got) > 0 || test.caught != "" && !slices.Contains(got, test.caught) {
				t.Errorf("failed checks: %q, want %q among them", got, test.caught)
			}
		})
	}
}
