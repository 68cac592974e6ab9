package fetcher

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/uidl"
)

// rearrange changes the destinations, or what is where they are.
func (w *world) rearrange() {
	d := w.d
	w.steady = false
	s := w.slots[d.n(len(w.slots))]
	b := w.at[s.path]
	w.look()
	switch d.n(17) {
	case 0:
		s.name = w.newName()
	case 1:
		if b != nil {
			to := w.newPath()
			w.rename(b, to)
			delete(w.at, s.path)
			s.path, w.at[to] = to, b
		}
	case 2, 3, 4:
		w.unmount(s, d.n(3))
	case 5, 6:
		w.mount()
	case 7:
		w.remove(s)
	case 8:
		if len(w.off) > 0 {
			k := d.n(len(w.off))
			back := w.off[k]
			if slices.ContainsFunc(w.slots, func(o *slot) bool { return o.name == back.name }) {
				back.name = w.newName()
			}
			back.role = w.drawRole(back)
			w.slots, w.off = append(w.slots, back), slices.Delete(w.off, k, k+1)
		}
	case 9:
		if len(w.slots) < 4 {
			n := w.newMaildir("")
			if d.one(4) {
				n = w.newRemote(w.newName())
			}
			n.role = w.drawRole(n)
			w.slots = append(w.slots, n)
		}
	case 10:
		s.role = w.drawRole(s)
	case 11:
		o := w.slots[d.n(len(w.slots))]
		o.name, s.name = s.name, o.name
	case 12:
		if b != nil {
			w.copyAll(s, b)
		}
	case 13, 14:
		for _, r := range w.remotes {
			r.down = !r.down
			w.logf("remote %d is down: %v", r.n, r.down)
		}
	case 15, 16:
		n := w.newMaildir("") // in place of another, of whatever kind
		n.role = s.role
		w.slots[slices.Index(w.slots, s)] = n
		w.off = append(w.off, s)
		if s.remote != nil && s.remote.down && d.one(2) {
			w.sayAdopt()
		}
	}
	if d.one(4) {
		w.sayAdopt() // whether it is right to or not
	}
	w.logf("the destinations of %s are %s", w.name, w.layout.String())
}

func (w *world) rename(b *box, to string) {
	if err := os.Rename(b.dir, to); err != nil {
		w.t.Fatal(err)
	}
	b.dir = to
}

// unmount takes a Maildir away from its path. how: 0 leaves nothing, 1 an empty directory, 2 another Maildir.
func (w *world) unmount(s *slot, how int) {
	b := w.at[s.path]
	if b == nil {
		return
	}
	b.dir = w.aside(b.dir)
	b.home = s.path
	delete(w.at, s.path)
	switch how {
	case 1:
		w.mkdir(s.path)
	case 2:
		w.mkdir(filepath.Join(s.path, "cur"))
		w.mkdir(filepath.Join(s.path, "new"))
		w.mkdir(filepath.Join(s.path, "tmp"))
	}
	w.logf("Maildir %d is not at %s any more (%d)", b.n, filepath.Base(s.path), how)
	w.look()
}

func (w *world) mkdir(path string) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		w.t.Fatal(err)
	}
}

// mount brings back a Maildir that is missing at its path; what is there meanwhile goes out of the way.
func (w *world) mount() bool {
	for _, b := range w.boxes {
		if b.home != "" {
			w.mountOne(b)
			return true
		}
	}
	return false
}

func (w *world) mountOne(b *box) {
	w.look()
	// Not only one that is configured: of a Maildir that was copied, the first lies where it was.
	if i := slices.IndexFunc(w.boxes, func(o *box) bool { return o.dir == b.home }); i >= 0 {
		w.boxes[i].dir = w.aside(b.home)
	} else if _, err := os.Lstat(b.home); err == nil {
		w.aside(b.home)
	}
	w.rename(b, b.home)
	w.logf("Maildir %d is at %s again", b.n, filepath.Base(b.home))
	w.at[b.home], b.home = b, ""
}

// remove comments a destination out, unless it is the last required one.
func (w *world) remove(s *slot) {
	required := 0
	for _, o := range w.slots {
		required += desk.Count(o != s && o.role == uidl.Required)
	}
	if required == 0 {
		return
	}
	w.slots = slices.DeleteFunc(w.slots, func(o *slot) bool { return o == s })
	w.off = append(w.off, s)
}

// copyAll is cp -a of a Maildir, to which the path is changed; the first one stays where it is, and gets nothing more.
func (w *world) copyAll(s *slot, b *box) {
	to := w.newPath()
	if err := os.CopyFS(to, os.DirFS(b.dir)); err != nil {
		w.t.Fatal(err)
	}
	n := w.newBox(to)
	n.tree = b.tree
	for base, g := range b.files {
		n.files[base] = g
		n.in[g]++
	}
	delete(w.at, s.path)
	s.path, w.at[to] = to, n
	w.logf("Maildir %d is a copy of %d, which stays at its path", n.n, b.n)
}
