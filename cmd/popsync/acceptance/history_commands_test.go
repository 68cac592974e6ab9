//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"os"
	"slices"
	"strings"
)

// histSnap is a copy of state_dir, as a backup would make it.
type histSnap struct {
	path   string
	unsent []histAt // retrieved, and not accepted by the remote destination yet
	sent   map[histAt]bool

	accounts map[*histAccount][2]string // name and user
}

// histCommands are what a person types.
var histCommands = []histEvent{
	{8, "a look", func(w *histWorld) bool {
		a, _ := histPick(w, w.accounts)
		c, _ := histPick(w, []string{"run --dry-run", "run --dry-run ACCOUNT", "verify", "check", "wake", "wake ACCOUNT", "status", "healthcheck"})
		w.glance(strings.Fields(strings.ReplaceAll(c, "ACCOUNT", a.name))...)
		return true
	}},
	{2, "verify --repair", func(w *histWorld) bool { w.act("verify", "--repair"); return true }},
	{4, "check --adopt", func(w *histWorld) bool {
		if !w.allMounted() {
			return false
		}
		a, _ := histPick(w, w.accounts)
		w.decide("check", "--adopt", a.name)
		return true
	}},
	{1, "accept", func(w *histWorld) bool { a, _ := histPick(w, w.accounts); w.decide("accept", a.name); return true }},
	{2, "pause", func(w *histWorld) bool { a, _ := histPick(w, w.accounts); w.act("pause", a.name); return true }},
	{3, "resume", func(w *histWorld) bool { a, _ := histPick(w, w.accounts); w.act("resume", a.name); return true }},
	{1, "baseline", func(w *histWorld) bool {
		a, _ := histPick(w, w.accounts)
		if w.act("baseline", a.name).code != 0 {
			return true
		}
		for _, l := range w.offered(a.box, nil) {
			if f := w.oracle.fates[l.number]; l.hidden == 0 && len(w.oracle.where(l.number)) == 0 {
				f.marked = true
			}
		}
		return true
	}},
}

// histLedgerEvents are what befalls popsync's memory.
var histLedgerEvents = []histEvent{
	{2, "an older state_dir is restored", func(w *histWorld) bool { return w.restore("state") }},
	{2, "an older ledger is restored", func(w *histWorld) bool { return w.restore("state/ledger.db*") }},
	{2, "the ledger is lost", func(w *histWorld) bool {
		if _, err := os.Stat(w.path("state", "ledger.db")); err != nil || !w.mayForget() {
			return false
		}
		w.removeAll("state/ledger.db*")
		w.forget()
		return true
	}},
}

// mayForget: what popsync does not know yet, or cannot see, must not be forgotten on top of it: nobody could tell then.
func (w *histWorld) mayForget() bool {
	for _, a := range w.accounts {
		if a.changed != "" {
			return false
		}
	}
	return w.allMounted()
}

func (w *histWorld) forget() {
	tags := map[int]string{}
	for _, a := range w.accounts {
		a.blind = true
		for _, l := range w.letters {
			if l.box == a.box {
				tags[l.number] = a.tag(l)
			}
		}
	}
	w.oracle.forgotten(tags)
}

func (w *histWorld) removeAll(pattern string) {
	for _, path := range w.found(w.dir, pattern) {
		w.must(os.RemoveAll(path))
	}
}

func (w *histWorld) found(root, pattern string) (paths []string) {
	dir, name, _ := strings.Cut(pattern, "/")
	if name == "" {
		return []string{root + "/" + dir}
	}
	entries, _ := os.ReadDir(root + "/" + dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), strings.TrimSuffix(name, "*")) {
			paths = append(paths, root+"/"+dir+"/"+e.Name())
		}
	}
	return paths
}

// snapshot copies state_dir.
func (w *histWorld) snapshot() {
	if _, err := os.Stat(w.path("state", "ledger.db")); err != nil {
		return
	}
	s := histSnap{path: w.path("snap", w.fresh("P")), sent: map[histAt]bool{}, accounts: map[*histAccount][2]string{}}
	w.must(os.Mkdir(s.path, 0o700))
	w.copyAll(w.path("state"), s.path)
	for _, p := range w.places {
		for _, l := range w.letters {
			at := histAt{p.number, l.number}
			switch {
			case p.relay == nil:
			case w.oracle.has(p.number, l.number):
				s.sent[at] = true
			case w.oracle.fates[l.number].retrieved:
				s.unsent = append(s.unsent, at)
			}
		}
	}
	for _, a := range w.accounts {
		s.accounts[a] = [2]string{a.name, a.box.user}
	}
	w.snaps = append(w.snaps, s)
	w.note("* a backup is made: %s", s.path[len(w.dir):])
}

// restore puts files of a backup in place of those that match.
func (w *histWorld) restore(pattern string) bool {
	s, ok := histPick(w, w.snaps)
	if !ok || !w.mayForget() {
		return false
	}
	for _, a := range w.accounts {
		if was, ok := s.accounts[a]; ok && was[0] != a.name && was[1] != a.box.user {
			return false
		}
	}
	w.removeAll(pattern)
	for _, path := range w.found(s.path, pattern) {
		w.copyAll(path, w.dir+path[len(s.path):])
	}
	for _, at := range s.unsent {
		w.oracle.again[at] = true
	}
	if pattern == "state" {
		w.untold(s)
	}
	w.forget()
	w.note("* from %s", s.path[len(w.dir):])
	return true
}

// untold are messages that were sent since all of state_dir was copied, by accounts that have no Maildir: no note beside the
// ledger, which is as old, and none where mail is tells of them. No mark does, as it stands in what 'popsync backup' writes.
func (w *histWorld) untold(s histSnap) {
	for _, a := range w.accounts {
		if slices.ContainsFunc(a.configured(), func(d *histDest) bool { return d.place.there() }) {
			continue
		}
		for _, d := range a.dests {
			for _, l := range w.letters {
				if at := (histAt{d.place.number, l.number}); d.place.relay != nil && l.box == a.box && !s.sent[at] && w.oracle.has(at.place, at.letter) {
					w.oracle.again[at] = true
				}
			}
		}
	}
}
