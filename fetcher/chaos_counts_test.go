package fetcher

import (
	"slices"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/uidl"
)

// judgeCopies: no place ever got a message more often than it was sent.
func (w *world) judgeCopies() {
	most := map[int]int{}
	for _, l := range w.letters {
		most[l.group] += desk.Count(l.name != "" && l.fits)
	}
	for _, b := range w.boxes {
		extra := map[int]int{}
		for _, g := range b.twice {
			extra[g]++
		}
		for g, n := range b.in {
			if n > most[g]+extra[g]+w.again[g] {
				w.fail("Maildir %d got %d copies of group %d, at most %d are right", b.n, n, g, most[g]+extra[g]+w.again[g])
			}
		}
	}
	for _, r := range w.remotes {
		for g, n := range r.in {
			if n > most[g]+w.again[g] && !w.resend {
				w.fail("remote %d got %d copies of group %d, at most %d are right", r.n, n, g, most[g]+w.again[g])
			}
		}
	}
}

// judgeCounts is for histories in which nothing but mail changed: then as many copies are due as messages.
func (w *world) judgeCounts() {
	type due struct {
		least int
		names []string
		left  bool
	}
	want := map[int]*due{}
	for _, l := range w.letters {
		d := want[l.group]
		if d == nil {
			d = &due{}
			want[l.group] = d
		}
		d.left = d.left || l.left || !l.onServer
		gone := !l.onServer && !l.lost
		if l.name != "" && l.fits && !l.lost && (gone || w.eligible(l)) && (!l.shared || !slices.Contains(d.names, l.name)) {
			d.least++ // of equal messages under one name, one is as good as both
		}
		d.names = append(d.names, l.name)
	}
	for g, d := range want {
		if d.left && len(d.names) > 1 {
			d.least = min(d.least, 1) // equal to the octet: one under a new unique-id is taken for one that left
		}
		for _, s := range w.slots {
			if n := w.have(s, g); s.role == uidl.Required && n < d.least {
				w.fail("%s got %d copies of group %d %v, at least %d are due", s.name, n, g, d.names, d.least)
			}
		}
	}
}
