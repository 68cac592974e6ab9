package fetcher

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/uidl"
)

// slot is a destination as it is configured: a name, a role, and a path or a remote place.
type slot struct {
	name   string
	role   uidl.Role
	path   string
	remote *remote // nil: a Maildir
}

// layout is the destinations of an account, and all the places there are.
type layout struct {
	home    string // directory of all this account's
	slots   []*slot
	off     []*slot         // commented out, or removed
	at      map[string]*box // by path: which Maildir is there; none: nothing, or an empty directory
	boxes   []*box
	remotes []*remote
	moves   int  // for names
	steady  bool // nothing of this ever changed
}

func (l *layout) String() string {
	var s []string
	for _, d := range l.slots {
		if d.remote != nil {
			s = append(s, fmt.Sprintf("%s=remote %d (%d)", d.name, d.remote.n, d.role))
			continue
		}
		n := -1
		if b := l.at[d.path]; b != nil {
			n = b.n
		}
		s = append(s, fmt.Sprintf("%s=%s, Maildir %d (%d)", d.name, filepath.Base(d.path), n, d.role))
	}
	return "[" + strings.Join(s, "; ") + "]"
}

// furnish draws the destinations that an account begins with.
func (w *world) furnish() {
	w.layout = layout{home: filepath.Join(w.root, w.name), at: map[string]*box{}, steady: true}
	if err := os.MkdirAll(filepath.Join(w.home, "aside"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if w.m.places && w.d.one(4) {
		w.slots = append(w.slots, w.newRemote("remote")) // and no other that is required
	} else {
		w.slots = append(w.slots, w.newMaildir("maildir"))
	}
	if w.slots[0].remote == nil && w.d.one(4) {
		w.slots = append(w.slots, w.newRemote("remote"))
	}
	if w.m.places {
		for range w.d.n(3) {
			s := w.newMaildir("")
			s.role = w.drawRole(s)
			w.slots = append(w.slots, s)
		}
	}
	w.acc.Spool = w.spool
}

func (w *world) newName() string { w.moves++; return fmt.Sprintf("d%d", w.moves) }

func (w *world) newPath() string {
	w.moves++
	return filepath.Join(w.home, fmt.Sprintf("path%d", w.moves))
}

func (w *world) newMaildir(name string) *slot {
	if name == "" {
		name = w.newName()
	}
	return &slot{name: name, role: uidl.Required, path: w.newPath()}
}

func (w *world) newRemote(name string) *slot {
	r := &remote{Memory: delivertest.NewMemory(fmt.Sprintf("remote%d", len(w.remotes))), n: len(w.remotes), in: map[int]int{}}
	r.Senders, r.down = 1+w.d.n(3), w.m.places && w.d.one(3)
	w.remotes = append(w.remotes, r)
	return &slot{name: name, role: uidl.Required, remote: r}
}

// drawRole gives a role that leaves a required destination and at most one fallback.
func (w *world) drawRole(s *slot) uidl.Role {
	required, fallback := 0, 0
	for _, o := range w.slots {
		required += desk.Count(o != s && o.role == uidl.Required)
		fallback += desk.Count(o != s && o.role == uidl.Fallback)
	}
	switch k := w.d.n(4); {
	case required == 0, k < 2:
		return uidl.Required
	case k == 2 || fallback > 0:
		return uidl.Optional
	}
	return uidl.Fallback
}

// have is how many messages of a group a configured destination has, or had before its reader took them.
func (w *world) have(s *slot, group int) int {
	if s.remote != nil {
		return s.remote.in[group]
	}
	if b := w.at[s.path]; b != nil {
		return b.in[group]
	}
	return 0
}

// somewhere tells whether any place has a message of a group.
// putAside tells that copies lie aside that a lost ledger knew of: a person was told where they are.
func (w *world) putAside() bool {
	return slices.ContainsFunc(w.remotes, func(r *remote) bool { return r.Aside() > 0 })
}

func (w *world) somewhere(group int) bool {
	for _, b := range w.boxes {
		if b.in[group] > 0 {
			return true
		}
	}
	for _, r := range w.remotes {
		if r.in[group] > 0 {
			return true
		}
	}
	return false
}
