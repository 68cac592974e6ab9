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
