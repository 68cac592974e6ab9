package fetcher

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// save is a copy of the ledger that somebody made between two passes.
type save struct {
	dir    string // of SQLite
	memory uidltest.Saved
	names  string // of the accounts then, and their mailboxes
	snaps  []snap // of each
	adopts []bool // of each: Adopt had been said, which no pass had read then
}

// copies makes copies of the ledger, and puts them in its place.
func (h *scene) copies() {
	c := h.common
	if c.d.one(3) {
		c.save(h.called(), h.snaps(), h.adopts())
	}
	waits := func(w *world) bool { return w.acc.RetrHides && len(w.open) > 0 } // what waits is on no server any more
	if !c.d.one(6) || h.nameless() || slices.ContainsFunc(h.worlds, waits) {
		return
	}
	whole := c.place == nil && c.d.one(3) // all of state_dir
	if whole && slices.ContainsFunc(h.worlds, func(w *world) bool { return w.acc.RetrHides }) {
		return // what waits there is nowhere else
	}
	lost := len(c.saves) == 0 || c.d.one(3)
	if lost && slices.ContainsFunc(h.worlds, func(w *world) bool { return w.mailbox > 0 }) {
		return // what names the mail is gone then, and so is what it was named by
	}
	s := save{}
	if !lost {
		if s = c.saves[c.d.n(len(c.saves))]; s.names != h.called() {
			return // a person who restores must restore the configuration of then, too
		}
	}
	c.restore(s, lost, whole)
	for i, w := range h.worlds {
		w.verify, w.steady = true, false
		w.snap = snap{}
		if s.snaps != nil {
			w.snap = s.snaps[i]
		}
		w.adopt = s.adopts != nil && s.adopts[i] // a word is the ledger's: it comes and goes with it
		w.resend = w.resend || whole || w.remoteOnly()
		for _, l := range w.letters {
			l.listed = true
		}
	}
}

// called is what accounts and their mailboxes are called.
func (h *scene) called() string {
	s := h.names()
	for _, w := range h.worlds {
		s += w.acc.Mailbox + " "
	}
	return s
}

func (h *scene) snaps() (all []snap) {
	for _, w := range h.worlds {
		all = append(all, w.snap)
	}
	return all
}

func (h *scene) adopts() (all []bool) {
	for _, w := range h.worlds {
		all = append(all, w.adopt)
	}
	return all
}

// nameless tells whether an account has messages that nothing names but what is in them: then no listing shows what a lost
// ledger knew.
func (h *scene) nameless() bool {
	return slices.ContainsFunc(h.worlds, func(w *world) bool {
		bare := func(l *letter) bool { return bytes.HasPrefix(l.Data, []byte("X-No-Fingerprint")) }
		return w.noUIDL && (w.noTOP || w.m.headers || slices.ContainsFunc(w.letters, bare))
	})
}

// remoteOnly tells whether nothing but the lease file can say how far the ledger was.
func (w *world) remoteOnly() bool {
	for _, s := range w.slots {
		if s.remote == nil && w.at[s.path] != nil {
			return false
		}
	}
	return true
}

func (c *common) save(names string, snaps []snap, adopts []bool) {
	s := save{names: names, snaps: snaps, adopts: adopts}
	if c.place != nil {
		s.memory = c.place.Save()
	} else {
		c.closeLedger()
		s.dir = filepath.Join(c.root, fmt.Sprintf("save%d", len(c.saves)))
		if err := os.CopyFS(s.dir, os.DirFS(c.stateDir())); err != nil {
			c.t.Fatal(err)
		}
		c.reopen()
	}
	c.saves = append(c.saves, s)
	c.logf("the ledger is copied")
}

// restore puts a copy in the ledger's place, or nothing. Not whole: what stands beside the database stays.
func (c *common) restore(s save, lost, whole bool) {
	c.logf("the ledger is lost: %v, or restored; with what stands beside it: %v", lost, whole)
	if c.place != nil {
		c.closeLedger()
		c.place.Restore(s.memory)
		c.reopen()
		return
	}
	c.closeLedger()
	database := func(name string) bool { return strings.HasPrefix(name, "ledger.db") }
	entries, err := os.ReadDir(c.stateDir())
	for _, e := range entries {
		if whole || database(e.Name()) {
			err = os.RemoveAll(filepath.Join(c.stateDir(), e.Name()))
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	if s.dir != "" {
		entries, err = os.ReadDir(s.dir)
		for _, e := range entries {
			from, to := filepath.Join(s.dir, e.Name()), filepath.Join(c.stateDir(), e.Name())
			switch {
			case !whole && !database(e.Name()):
			case e.IsDir():
				err = os.CopyFS(to, os.DirFS(from))
			default:
				var b []byte
				if b, err = os.ReadFile(from); err == nil {
					err = os.WriteFile(to, b, 0o600)
				}
			}
			if err != nil {
				c.t.Fatal(err)
			}
		}
	}
	c.reopen()
}

// swapNames gives two accounts each other's name, or one a new one.
func (h *scene) swapNames() {
	c := h.common
	a := h.worlds[0]
	a.moves++
	moves := []uidl.Renaming{{From: a.name, To: fmt.Sprintf("a%d", a.moves)}}
	to := []string{moves[0].To}
	if len(h.worlds) > 1 && c.d.one(2) {
		b := h.worlds[1]
		moves = []uidl.Renaming{{From: a.name, To: b.name}, {From: b.name, To: a.name}}
		to = []string{b.name, a.name}
	}
	accounts, err := c.ledger.Accounts(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	known := map[string]bool{}
	for _, i := range accounts {
		known[i.Name] = true
	}
	for _, m := range moves {
		if !known[m.From] {
			return // nothing is known of it yet: there is nothing to rename
		}
	}
	if err := c.ledger.Rename(context.Background(), moves); err != nil {
		c.fail("rename %v: %v", moves, err)
		return
	}
	for i, name := range to {
		h.worlds[i].name = name
	}
	c.logf("accounts are renamed: %s", h.names())
}
