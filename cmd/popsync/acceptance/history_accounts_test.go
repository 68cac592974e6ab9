//go:build linux && (amd64 || arm64)

package acceptance_test

// histAccountEvents are what a person does to accounts.
var histAccountEvents = []histEvent{
	{4, "an account gets another name", func(w *histWorld) bool {
		a, _ := histPick(w, w.accounts)
		if a.changed == "mailbox" || a.blind {
			return false
		}
		a.name, a.changed = w.fresh("renamed"), "name"
		if w.chance(50) { // somebody looks before the next run
			w.glance(histLooks[w.n(len(histLooks))])
		}
		return true
	}},
	{3, "two accounts swap names", func(w *histWorld) bool {
		if !w.mayTrade() {
			return false
		}
		a, b := w.accounts[0], w.accounts[1]
		a.name, b.name = b.name, a.name
		return true
	}},
	{3, "an account gets another's name, which gets a new one", func(w *histWorld) bool {
		if !w.mayTrade() {
			return false
		}
		i := w.n(2)
		w.accounts[i].name, w.accounts[1-i].name = w.accounts[1-i].name, w.fresh("renamed")
		return true
	}},
	{3, "another account is added", func(w *histWorld) bool {
		if len(w.accounts) > 1 {
			return false
		}
		w.newAccount(w.fresh("work"))
		return true
	}},
	{2, "an account's user has another name at the server", func(w *histWorld) bool {
		a, _ := histPick(w, w.accounts)
		if a.changed == "name" || a.blind {
			return false
		}
		a.box.user, a.changed = w.fresh("user"), "mailbox"
		return true
	}},
	{3, "an account gets another mailbox, with the same unique-ids", func(w *histWorld) bool {
		a, _ := histPick(w, w.accounts)
		old := a.box
		all := w.offered(old, nil)
		if len(all) == 0 || a.changed == "name" || a.blind {
			return false
		}
		a.changed = "mailbox"
		a.box = w.newBox()
		a.box.format = old.format
		for range min(len(all), 3) {
			w.send(a.box, false)
		}
		for i, l := range w.offered(a.box, nil) { // of the newest, which may still be on their way
			was := all[len(all)-1-i]
			l.name, l.listed = was.name, int64(len(was.data))
		}
		a.box.names = old.names
		for _, l := range all { // they stay there
			w.taken(l)
		}
		return true
	}},
	{5, "an account's policy changes", func(w *histWorld) bool {
		a, _ := histPick(w, w.accounts)
		a.policy = map[string]string{"never": "after-delivery", "after-delivery": []string{"never", "30d"}[w.n(2)], "30d": "after-delivery"}[a.policy]
		return true
	}},
}

var histLooks = []string{"verify", "wake", "status", "check"}

// mayTrade tells whether there are two accounts whose names can be told by their mailboxes: nobody can follow an account
// that gets another name and another mailbox at once.
func (w *histWorld) mayTrade() bool {
	if len(w.accounts) < 2 || w.anyBlind() || w.accounts[0].changed == "mailbox" || w.accounts[1].changed == "mailbox" {
		return false
	}
	w.accounts[0].changed, w.accounts[1].changed = "name", "name"
	return true
}
