//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// histPlace is where a destination means to deliver.
type histPlace struct {
	number int

	relay *sink // a remote destination
	taken int   // of what it has accepted, seen by the oracle
	down  atomic.Bool
	cuts  atomic.Int32 // connections that it will cut after the final dot, once it has the message or before

	dir   string         // of a Maildir: where it is, or where it is mounted
	stash string         // where it is instead, while it is not mounted
	known map[string]int // names of files that were seen, without what readers add to them
}

func (w *histWorld) newPlace() *histPlace {
	p := &histPlace{number: len(w.places), known: map[string]int{}}
	w.places = append(w.places, p)
	return p
}

func (w *histWorld) newMaildir() *histPlace {
	p := w.newPlace()
	p.dir = w.path("mail", w.fresh("M"))
	return p
}

func (w *histWorld) newRelay() *histPlace {
	p := w.newPlace()
	p.relay = newSink(w.t)
	p.relay.set(func(verb, arg string) string {
		switch {
		case verb == "greeting" && p.down.Load():
			return "421 4.3.2 down"
		case verb == "end" && strings.Contains(arg, "\nX-Refuse: yes"):
			return "554 5.6.0 never"
		}
		return ""
	}, func(m sunk) (lose, accepted bool) {
		n := p.cuts.Load()
		if n == 0 || strings.Contains(string(m.body), "\nX-Refuse: yes") {
			return false, false
		}
		p.cuts.Store(0)
		return true, n > 1
	})
	w.oracle.remote[p.number] = true
	return p
}

// at is where a Maildir's files are now.
func (p *histPlace) at() string {
	if p.stash != "" {
		return p.stash
	}
	return p.dir
}

// there tells whether a Maildir has been made, and is mounted.
func (p *histPlace) there() bool {
	if p.relay != nil || p.stash != "" {
		return false
	}
	_, err := os.Stat(filepath.Join(p.dir, "cur"))
	return err == nil
}

// files are the names in these folders of a Maildir, and of its folders if they begin with a dot.
func (p *histPlace) files(folders ...string) (paths []string) {
	for _, pattern := range folders {
		found, _ := filepath.Glob(filepath.Join(p.at(), pattern, "*"))
		paths = append(paths, found...)
	}
	return paths
}

func histBase(path string) string {
	base, _, _ := strings.Cut(filepath.Base(path), ":")
	return base
}

// look tells the oracle of all copies that it has not seen.
func (w *histWorld) look() {
	for _, p := range w.places {
		if p.relay != nil {
			all := p.relay.messages()
			for _, m := range all[p.taken:] {
				if n := w.known(m.body); n > 0 {
					w.oracle.stored(p.number, n)
				} else {
					w.oracle.complain("CUT", "place %d got what is not a whole message: %.300q", p.number, m.body)
				}
			}
			p.taken = len(all)
			continue
		}
		for _, path := range p.files("new", "cur", ".*/new", ".*/cur") {
			base := histBase(path)
			if _, ok := p.known[base]; ok {
				continue
			}
			b, err := os.ReadFile(path)
			w.must(err)
			n := w.known(b)
			if p.known[base] = n; n == 0 {
				w.oracle.complain("CUT", "%s is not a whole message: %.300q", strings.TrimPrefix(path, w.dir), b)
				continue
			}
			w.underItsName(path, n)
			w.oracle.stored(p.number, n)
		}
	}
}

// mailboxes shows all mail there is, wherever, and what the ledger has of accounts: looking must not change it.
func (w *histWorld) mailboxes() (all []string) {
	for _, b := range w.boxes {
		for _, m := range w.server.Messages(b.user) {
			all = append(all, b.user+" "+m.UID)
		}
	}
	for _, p := range w.places {
		if p.relay != nil {
			for _, m := range p.relay.messages() {
				all = append(all, p.relay.addr+" "+string(m.body))
			}
		}
	}
	for _, tree := range []string{"mail", "stash", "below"} {
		for _, pattern := range []string{"*", "*/*", "*/*/*", "*/*/*/*"} {
			found, _ := filepath.Glob(w.path(tree, pattern))
			all = append(all, found...)
		}
	}
	return all
}

// unmount takes a Maildir away; its path is an empty directory then, or nothing.
func (w *histWorld) unmount(p *histPlace, empty bool) {
	p.stash = w.path("stash", w.fresh("S"))
	w.must(os.Rename(p.dir, p.stash))
	if empty {
		w.must(os.Mkdir(p.dir, 0o700))
	}
}

// mount brings it back, over whatever is at its path.
func (w *histWorld) mount(p *histPlace) {
	if _, err := os.Lstat(p.dir); err == nil {
		w.must(os.Rename(p.dir, w.path("below", w.fresh("B"))))
	}
	w.must(os.Rename(p.stash, p.dir))
	p.stash = ""
}

// copyAll is cp -a.
func (w *histWorld) copyAll(from, to string) {
	out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	if err != nil {
		w.t.Fatalf("cp: %v: %s", err, out)
	}
}

// destsOf are all destinations that mean a place.
func (w *histWorld) destsOf(p *histPlace) (all []*histDest) {
	for _, a := range w.accounts {
		for _, d := range a.dests {
			if d.place == p {
				all = append(all, d)
			}
		}
	}
	return all
}

// inUse are the Maildirs that are configured, made and mounted.
func (w *histWorld) inUse() (all []*histPlace) {
	for _, p := range w.places {
		if p.there() && slices.ContainsFunc(w.destsOf(p), func(d *histDest) bool { return !d.commented }) {
			all = append(all, p)
		}
	}
	return all
}
