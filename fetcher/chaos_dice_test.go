package fetcher

import "slices"

// dice turns bytes into choices. When they are used up every choice is the tamest one, so that a history made of no
// bytes has no faults, and a fuzzer that cuts bytes off makes it simpler.
type dice struct{ b []byte }

// n is a choice from 0 to k-1; k is at most 256.
func (d *dice) n(k int) int {
	if len(d.b) == 0 {
		return 0
	}
	v := int(d.b[0])
	d.b = d.b[1:]
	return v % k
}

// one is true once in k times.
func (d *dice) one(k int) bool { return d.n(k) == k-1 }

// models are the kinds of things that go wrong beside connections, deaths and failing steps. Each history has some of
// them, so that each pair meets often, and none always.
type models struct {
	places   bool // destinations change: names, paths, roles, Maildirs
	accounts bool // a second account, other names, another mailbox
	commands bool // what a person says between passes
	copies   bool // the ledger is lost, or an older copy of it is restored
	clocks   bool // the clock jumps
	uids     bool // unique-ids change their format, and are shared by messages that come and go
	headers  bool // weak headers, Status lines
	readers  bool // mail moves into folders and away; tmp is emptied
	sores    bool // messages break the session when something is asked about them
	wire     bool // replies are left out, come twice, in another order, cut
}

func drawModels(d *dice) models {
	some := func() bool { return d.one(3) }
	return models{some(), some(), some(), some(), some(), some(), some(), some(), false, false}
}

// other is a second set of dice of the same bytes, from their end: what is drawn from it does not change what the first gives.
func (d *dice) other() *dice {
	b := slices.Clone(d.b)
	slices.Reverse(b)
	return &dice{b}
}

// third is yet another set, from the middle.
func (d *dice) third() *dice {
	half := len(d.b) / 2
	return &dice{slices.Concat(d.b[half:], d.b[:half])}
}

// fourth is one more.
func (d *dice) fourth() *dice {
	quarter := len(d.b) / 4
	return &dice{slices.Concat(d.b[quarter:], d.b[:quarter])}
}

// plain tells that what was configured, said and kept stays as it is: then counts are exact.
func (m *models) plain() bool {
	return !m.wire && !m.places && !m.accounts && !m.commands && !m.copies && !m.uids
}
