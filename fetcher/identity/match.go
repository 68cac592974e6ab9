package identity

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Destinations are known by what they are, not by their names in the configuration: a Maildir by its popsync.id, a remote
// one by where it sends. Each has an ordinal in the account for as long as it is known. What another place was given never
// counts for it.

// sight is a configured destination as it was found.
type sight struct {
	name     string
	role     uidl.Role
	identity string                 // Target.Recognise; "": nothing tells
	path     string                 // of a Maildir, with all links followed as far as it exists; "" for other kinds
	info     os.FileInfo            // of it; nil: not there
	used     func(path string) bool // tells whether popsync has used a Maildir at another path; nil for other kinds
}

// matched is what the destinations of a configuration are among those that the ledger knows.
type matched struct {
	of         []uidl.Destination // of each sight; with Identity "" when it was never met
	changed    []uidl.Destination // rows to write, those of "of" not included
	fold       []int              // ordinals that are given up
	generation int64
	news       []string // what changed, for people
}

// placeError is a configuration of places that cannot be right.
type placeError struct{ what, hint string }

func (e *placeError) Error() string { return e.what }

func (e *placeError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Class, v.Hint = verdict.Config, e.hint
	return v
}

// match tells which known destination each configured one is, and what becomes of the others. open are ordinals that a
// delivery is open for. strange tells whether a Maildir may be one that the ledger never met although another was known at
// its path. elsewhere tells whether any account knew a Maildir at a path. It is a pure function but for following links.
func match(known []uidl.Destination, open map[int]bool, now []sight, generation int64, strange bool, elsewhere func(path string) (bool, error)) (*matched, error) {
	if err := distinct(now); err != nil {
		return nil, err
	}
	m := &matched{of: make([]uidl.Destination, len(now)), generation: generation}
	took := m.assign(known, now)
	for i, k := range took {
		if k >= 0 && !facts.Away(known[k].Role) { // one that was given up may show where another is configured
			continue
		}
		if now[i].path != "" && !strange {
			if err := mustShow(known, took, &now[i], elsewhere); err != nil {
				return nil, err
			}
		}
	}
	first := len(known) == 0 // then all of it is the set that the account began with
	next := generation
	if !first {
		next++
	}
	changed := false
	left := map[int]bool{} // indices of known ones that nobody took
	for k := range known {
		left[k] = !slices.Contains(took, k)
	}
	for i, k := range took {
		if k < 0 {
			d := uidl.Destination{Ordinal: -1, Name: now[i].name, Role: now[i].role, Born: next, Since: next}
			if first {
				d.Since = 0
			}
			m.of[i], changed = d, true
			continue
		}
		d := known[k]
		was := d
		d.Name, d.Role = now[i].name, now[i].role
		if was.Role != d.Role && was.Role != uidl.UnknownRole {
			changed = true
			if d.Role == uidl.Required || facts.Away(was.Role) {
				d.Since, d.Rest = next, uidl.Undecided
			}
		}
		m.tell(&was, &d)
		m.of[i] = d
	}
	changed = m.leave(known, left, now, next) || changed
	if err := m.number(known, left, open); err != nil {
		return nil, err
	}
	if changed && !first {
		m.generation = next
	}
	return m, nil
}

// distinct refuses two destinations that are one place, or that nothing can tell apart.
func distinct(now []sight) error {
	for i := range now {
		for j := range i {
			a, b := &now[j], &now[i]
			switch {
			case a.path == "" || b.path == "":
			case a.path == b.path, a.info != nil && b.info != nil && os.SameFile(a.info, b.info):
				return &placeError{fmt.Sprintf("destinations %s and %s are one Maildir: %s", a.name, b.name, b.path),
					"remove one of the two: each message would come twice"}
			case deliver.SamePlace(a.identity, b.identity):
				return &placeError{fmt.Sprintf("the Maildir of destination %s is a copy of that of %s: both have the same popsync.id", b.name, a.name),
					"remove the file popsync.id from the copy, which is " + b.path + " or " + a.path}
			}
		}
	}
	return nil
}

// assign finds the known destination of each sight, or -1: the same place under the same name, then the same place under
// another name, then another remote place under the same name.
func (m *matched) assign(known []uidl.Destination, now []sight) []int {
	took := make([]int, len(now))
	taken := map[int]bool{}
	for i := range took {
		took[i] = -1
	}
	for _, fits := range []func(*sight, *uidl.Destination) bool{
		func(s *sight, d *uidl.Destination) bool {
			return d.Name == s.name && deliver.SamePlace(d.Identity, s.identity)
		},
		func(s *sight, d *uidl.Destination) bool { return deliver.SamePlace(d.Identity, s.identity) },
		func(s *sight, d *uidl.Destination) bool {
			return d.Name == s.name && s.path == "" && d.Identity != "" && deliver.PathOf(d.Identity) == ""
		},
	} {
		for i := range now {
			if took[i] >= 0 {
				continue
			}
			best := -1
			for k := range known {
				if taken[k] || !fits(&now[i], &known[k]) {
					continue
				}
				// Of several, one that is configured still is the one.
				if best < 0 || facts.Away(known[best].Role) && !facts.Away(known[k].Role) {
					best = k
				}
			}
			if best >= 0 {
				took[i], taken[best] = best, true
			}
		}
	}
	return took
}

// mustShow refuses a Maildir that does not show its identity at a path where one was known: an empty mount point is no
// mailbox, whatever name its destination has.
func mustShow(known []uidl.Destination, took []int, s *sight, elsewhere func(string) (bool, error)) error {
	unlike := s.identity == "" // nothing there says that popsync ever used it
	for k, d := range known {
		path := deliver.PathOf(d.Identity)
		if path == "" || slices.Contains(took, k) || deliver.Resolve(path) != s.path {
			continue
		}
		if !facts.Away(d.Role) || unlike {
			return notTheKnown(s.path)
		}
	}
	if !unlike {
		return nil
	}
	met, err := elsewhere(s.path)
	if err == nil && met {
		return notTheKnown(s.path)
	}
	above := filepath.Dir(s.path) // a Maildir of another account may be there, and this one a folder of it
	if err != nil || s.used != nil && s.used(above) {
		return err
	}
	if met, err = elsewhere(above); err == nil && met {
		return notTheKnown(above)
	}
	return err
}

func notTheKnown(path string) error {
	return &deliver.Error{Op: "check", Place: path, Scope: deliver.WholeTarget, Permanent: true,
		Err:  fmt.Errorf("not the Maildir popsync knows: not mounted?"),
		Hint: "mount it; after a restore or a move, say: popsync check --adopt ACCOUNT"}
}

// leave deals with known destinations that are configured no more.
func (m *matched) leave(known []uidl.Destination, left map[int]bool, now []sight, next int64) (changed bool) {
	for k := range known {
		if !left[k] {
			continue
		}
		d := known[k]
		was := d
		if d.Role != uidl.NotConfigured && d.Role != uidl.WasOptional {
			d.Role, d.Since = gone(d.Role), next // Since: when it left
			changed = true
			m.news = append(m.news, fmt.Sprintf("destination %s is not configured any more", d.Name))
		}
		if slices.ContainsFunc(now, func(s sight) bool { return s.name == d.Name }) {
			d.Name = d.Aside()
		}
		if d != was {
			m.changed = append(m.changed, d)
		}
	}
	return changed
}

// gone is the role of a destination that is not configured any more.
func gone(was uidl.Role) uidl.Role {
	if was == uidl.Optional {
		return uidl.WasOptional
	}
	return uidl.NotConfigured
}

// number gives those that are new an ordinal. When none is left, the one that is gone longest, with nothing open, is folded
// into 'former'.
func (m *matched) number(known []uidl.Destination, left, open map[int]bool) error {
	used := map[int]bool{}
	for _, d := range known {
		used[d.Ordinal] = true
	}
	for i := range m.of {
		if m.of[i].Ordinal >= 0 {
			continue
		}
		free := 0
		for used[free] {
			free++
		}
		if free >= uidl.Ordinals {
			oldest := -1
			for k, d := range known {
				if left[k] && !open[d.Ordinal] && !slices.Contains(m.fold, d.Ordinal) && (oldest < 0 || d.Since < known[oldest].Since) {
					oldest = k
				}
			}
			if oldest < 0 {
				return &placeError{fmt.Sprintf("more than %d destinations have something open or are configured", uidl.Ordinals),
					"configure fewer, or let what is open be delivered first"}
			}
			free = known[oldest].Ordinal
			m.fold = append(m.fold, free)
			m.changed = slices.DeleteFunc(m.changed, func(d uidl.Destination) bool { return d.Ordinal == free })
		}
		used[free] = true
		m.of[i].Ordinal = free
	}
	return nil
}

// tell words what became of a destination.
func (m *matched) tell(was, is *uidl.Destination) {
	switch {
	case facts.Away(was.Role):
		m.news = append(m.news, fmt.Sprintf("destination %s is configured again: it gets mail from now on; for what came meanwhile say: popsync backfill ACCOUNT %s", is.Name, is.Name))
	case was.Name != is.Name:
		m.news = append(m.news, fmt.Sprintf("destination %s is now called %s", was.Name, is.Name))
	}
}
