//go:build linux && (amd64 || arm64)

package acceptance_test

import "slices"

// histDestEvents are what a person does to destinations, in the file and on the disk, and what befalls them.
var histDestEvents = []histEvent{
	{5, "a Maildir is added", func(w *histWorld) bool { return w.addDest((*histWorld).newMaildir) }},
	{3, "a remote destination is added", func(w *histWorld) bool { return w.addDest((*histWorld).newRelay) }},
	{2, "a fallback is added", func(w *histWorld) bool {
		a, _ := histPick(w, w.accounts)
		if slices.ContainsFunc(a.dests, func(d *histDest) bool { return d.fallback }) || len(a.dests) > 4 {
			return false
		}
		d := a.add(w.newMaildir())
		d.fallback = true
		w.oracle.stands[d.place.number] = true
		return true
	}},
	{4, "a destination is removed from the file", func(w *histWorld) bool {
		a, d, ok := w.spareDest()
		if ok {
			a.dests = slices.DeleteFunc(a.dests, func(o *histDest) bool { return o == d })
		}
		return ok
	}},
	{4, "a destination is replaced by a new one", func(w *histWorld) bool { // the new one may have the old name
		a, d, ok := w.anyDest(func(d *histDest) bool { return !d.fallback })
		if !ok {
			return false
		}
		a.dests = slices.DeleteFunc(a.dests, func(o *histDest) bool { return o == d })
		next := a.add(w.newMaildir())
		if w.chance(30) {
			next.name = d.name
		}
		return true
	}},
	{4, "a destination is commented out", func(w *histWorld) bool {
		_, d, ok := w.spareDest()
		if ok {
			d.commented = true
		}
		return ok
	}},
	{5, "a destination is there again", func(w *histWorld) bool {
		_, d, ok := w.anyDest(func(d *histDest) bool { return d.commented })
		if ok {
			d.commented = false
		}
		return ok
	}},
	{4, "a destination becomes required, or optional", func(w *histWorld) bool {
		a, d, ok := w.anyDest(func(d *histDest) bool { return !d.fallback && !d.mistake })
		if !ok || d.required && w.others(a, d) == 0 {
			return false
		}
		d.required = !d.required
		return true
	}},
	{4, "a destination gets another name", func(w *histWorld) bool {
		_, d, ok := w.anyDest(func(d *histDest) bool { return d.changed != "address" })
		if ok {
			d.name, d.changed = w.fresh("name"), "name"
		}
		return ok
	}},
	{3, "destinations swap names", func(w *histWorld) bool {
		a, d, ok := w.anyDest(nil)
		if !ok || len(a.dests) < 2 {
			return false
		}
		o := a.dests[w.n(len(a.dests))]
		if o == d || o.changed == "address" || d.changed == "address" {
			return false
		}
		d.name, o.name, d.changed, o.changed = o.name, d.name, "name", "name"
		return true
	}},
	{5, "a relay is down, or up again", func(w *histWorld) bool {
		p, ok := histPick(w, w.relays())
		if ok {
			p.down.Store(!p.down.Load())
		}
		return ok
	}},
	{4, "a relay that is down is replaced by a Maildir", func(w *histWorld) bool {
		a, d, ok := w.anyDest(func(d *histDest) bool { return d.place.relay != nil && d.place.down.Load() })
		if ok {
			a.dests = slices.DeleteFunc(a.dests, func(o *histDest) bool { return o == d })
			a.add(w.newMaildir())
		}
		return ok
	}},
	{2, "a relay will be cut off after a message", func(w *histWorld) bool {
		p, ok := histPick(w, w.relays())
		if !ok || !w.charge() {
			return false
		}
		p.cuts.Store(int32(1 + w.n(2)))
		return true
	}},
	{2, "a relay gets another address", func(w *histWorld) bool {
		_, d, ok := w.anyDest(func(d *histDest) bool { return d.place.relay != nil && (d.changed == "" || d.changed == "address") })
		if ok {
			d.place.relay.stop()
			d.place.relay.addr = "127.0.0.1:0"
			d.place.relay.start()
			d.changed = "address"
		}
		return ok
	}},
}

// anyDest draws a destination of those that are wanted.
func (w *histWorld) anyDest(want func(*histDest) bool) (*histAccount, *histDest, bool) {
	a, _ := histPick(w, w.accounts)
	var all []*histDest
	for _, d := range a.dests {
		if want == nil || want(d) {
			all = append(all, d)
		}
	}
	d, ok := histPick(w, all)
	return a, d, ok
}

// spareDest draws a destination without which an account has another that is required.
func (w *histWorld) spareDest() (a *histAccount, d *histDest, ok bool) {
	a, d, ok = w.anyDest(func(d *histDest) bool { return !d.commented })
	return a, d, ok && w.others(a, d) > 0
}

// others counts the required destinations that an account has beside one.
func (w *histWorld) others(a *histAccount, d *histDest) (n int) {
	for _, o := range a.configured() {
		if o != d && o.required && !o.fallback && !o.mistake {
			n++
		}
	}
	return n
}

func (w *histWorld) addDest(place func(*histWorld) *histPlace) bool {
	a, _ := histPick(w, w.accounts)
	if len(a.dests) > 3 {
		return false
	}
	a.add(place(w)).required = w.chance(70)
	return true
}

func (w *histWorld) relays() (all []*histPlace) {
	for _, p := range w.places {
		if p.relay != nil && len(w.destsOf(p)) > 0 {
			all = append(all, p)
		}
	}
	return all
}
