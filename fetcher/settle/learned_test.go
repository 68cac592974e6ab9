package settle

import (
	"testing"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
)

// learner is a Target that learns.
type learner struct {
	deliver.Target
	recalled, learned, news string
}

func (l *learner) Recall(learned string)           { l.recalled = learned }
func (l *learner) Learned() (learned, news string) { return l.learned, l.news }

// teller is a Target that has found something.
type teller struct {
	deliver.Target
	found []string
}

func (t *teller) Tell() []string { return t.found }

// TestTells: what a destination found is told a person with its name.
func TestTells(t *testing.T) {
	h := &hearer{}
	noteLearned(&Settler{Obs: h, Log: zap.NewNop(), Health: &health.Account{}, Places: []*Place{
		{Destination: Destination{Name: "none", Target: &teller{}}},
		{Destination: Destination{Name: "file", Target: &teller{found: []string{"a piece", "another"}}}},
	}})
	if len(h.told) != 2 || h.told[0] != "file: a piece" || h.told[1] != "file: another" {
		t.Errorf("told %q", h.told)
	}
}

// hearer is a Witness that hears what is to be told.
type hearer struct {
	Witness
	told []string
}

func (h *hearer) Mention(text string) { h.told = append(h.told, text) }

// TestLearned: what a destination learned comes back in the next pass, as long as it is reached in the same way; news are told.
func TestLearned(t *testing.T) {
	h := &hearer{}
	facts := health.Facts{Took: map[string]health.Took{"relay": {At: 1, Setting: "one"}}}
	pass := func(setting, learned, news string) (recalled string) {
		l := &learner{learned: learned, news: news}
		p := &Settler{Obs: h, Log: zap.NewNop(), Health: &health.Account{Facts: facts},
			Places: []*Place{{Destination: Destination{Name: "relay", Target: l, Setting: setting}}}}
		recall(p)
		noteLearned(p)
		facts = health.Decode(p.Health.Encode())
		return l.recalled
	}
	if got := pass("one", "scram-sha-256", ""); got != deliver.LearnedNothing {
		t.Errorf("one that worked before anything was remembered is told %q", got)
	}
	if got := pass("one", "plain", "it is weaker"); got != "scram-sha-256" || len(h.told) != 1 || h.told[0] != "relay: it is weaker" {
		t.Errorf("%q, told %q", got, h.told)
	}
	if got := pass("two", "", ""); got != "" {
		t.Errorf("another place is told %q", got)
	}
	if got := pass("one", "", ""); got != deliver.LearnedNothing {
		t.Errorf("%q", got)
	}
}
