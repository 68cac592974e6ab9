//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"os"
	"slices"
)

// histMaildirEvents are what befalls the directories.
var histMaildirEvents = []histEvent{
	{4, "a Maildir is moved, and its path is changed", func(w *histWorld) bool {
		p, ok := histPick(w, w.inUse())
		if ok {
			to := w.path("mail", w.fresh("M"))
			w.must(os.Rename(p.dir, to))
			p.dir = to
			w.repath(p, to)
		}
		return ok
	}},
	{3, "a Maildir is lost; an empty one is in its place", func(w *histWorld) bool {
		p, ok := histPick(w, w.inUse())
		if ok {
			w.emptied(p)
		}
		return ok
	}},
	{4, "a Maildir is not mounted", func(w *histWorld) bool {
		p, ok := histPick(w, w.met())
		if ok {
			w.unmount(p, w.chance(50))
		}
		return ok
	}},
	{3, "a Maildir is not mounted, and its destination gets another name", func(w *histWorld) bool {
		p, ok := histPick(w, w.met())
		if ok {
			w.unmount(p, w.chance(50))
			for _, d := range w.destsOf(p) {
				d.name = w.fresh("name")
			}
		}
		return ok
	}},
	{7, "a Maildir is mounted again", func(w *histWorld) bool {
		for _, p := range w.places {
			if p.stash != "" {
				w.mount(p)
				return true
			}
		}
		return false
	}},
	{2, "a Maildir's path is a symbolic link to it now", func(w *histWorld) bool {
		p, ok := histPick(w, w.inUse())
		if ok {
			link := w.path("mail", w.fresh("L"))
			w.must(os.Symlink(p.dir, link))
			w.repath(p, link)
		}
		return ok
	}},
	{2, "by mistake a Maildir is configured twice", func(w *histWorld) bool {
		p, ok := histPick(w, w.inUse())
		if !ok {
			return false
		}
		link := w.path("mail", w.fresh("L"))
		w.must(os.Symlink(p.dir, link))
		for _, a := range w.accounts {
			for _, d := range a.dests {
				if d.place == p && !d.commented {
					a.dests = append(a.dests, &histDest{name: w.fresh("name"), place: p, path: link, required: true, mistake: true})
					return true
				}
			}
		}
		return false
	}},
	{2, "a Maildir is copied, and its path is that of the copy", func(w *histWorld) bool {
		p, ok := histPick(w, w.inUse())
		if !ok {
			return false
		}
		w.look()
		c := w.newMaildir()
		w.copyAll(p.dir, c.dir)
		for base, n := range p.known {
			c.known[base] = n
		}
		w.oracle.copied(p.number, c.number)
		for _, d := range w.destsOf(p) {
			d.place = c
		}
		w.repath(c, c.dir)
		return true
	}},
}

// met are the Maildirs in use that popsync has met where they are: of others nobody can tell that they are not mounted.
func (w *histWorld) met() (all []*histPlace) {
	for _, p := range w.inUse() {
		if !w.anyBlind() && !slices.ContainsFunc(w.destsOf(p), func(d *histDest) bool { return d.changed != "" && d.changed != "name" }) {
			all = append(all, p)
		}
	}
	return all
}

// repath gives the destinations that mean a Maildir another path.
func (w *histWorld) repath(p *histPlace, path string) {
	for _, d := range w.destsOf(p) {
		if !d.mistake {
			d.path, d.changed = path, "path"
		}
	}
}

// emptied puts an empty Maildir in place of one that is lost.
func (w *histWorld) emptied(p *histPlace) {
	dir := p.dir
	p.dir = w.path("dead", w.fresh("D"))
	w.must(os.Rename(dir, p.dir))
	next := w.newPlace()
	next.dir = dir
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		w.must(os.Mkdir(dir+"/"+sub, 0o700))
	}
	for _, d := range w.destsOf(p) {
		d.place, d.changed = next, "new"
	}
}
