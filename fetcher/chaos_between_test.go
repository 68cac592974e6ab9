package fetcher

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/popsync/popsync/uidl"
)

// between is what happens while popsync does not run.
func (w *world) between() {
	d := w.d
	w.mailboxChanges()
	w.add(d.n(3))
	if w.m.uids && !w.noUIDL && !w.acc.RetrHides && d.one(4) {
		w.renumber()
	}
	if w.m.accounts && d.one(5) {
		w.moveHost(d.one(2))
	}
	switch d.n(6) {
	case 1:
		w.offset += time.Duration(d.n(90)) * time.Minute
	case 2:
		w.offset += time.Duration(d.n(72)) * time.Hour
	case 3:
		w.offset -= time.Duration(d.n(50)) * time.Hour
	}
	if w.m.clocks {
		w.drawSkew()
	}
	w.logf("the clock says %v", w.now().UTC().Format(time.DateTime))
	for _, b := range w.boxes {
		w.read(b)
	}
	if w.m.places && d.one(2) {
		w.rearrange()
	}
	if w.m.commands {
		w.command()
	}
}

// mailboxChanges: somebody else removes mail, listings hide it, sizes are wrong, the server adds lines.
func (w *world) mailboxChanges() {
	d := w.d
	for _, l := range w.letters {
		switch {
		case !l.onServer:
		case l.shared:
			if w.hasTOP && w.m.uids && w.strongTwins(l) && d.one(8) {
				l.onServer, l.lost = false, true
				w.logf("%s (letter %d), one of several, is removed by somebody", l.UID, l.id)
			}
		case d.one(24):
			l.onServer, l.lost = false, true
			w.logf("%s is removed from the server by somebody", l.UID)
		case d.one(10):
			if l.listed && w.verify {
				break // what a listing hides while the ledger is made whole is nobody's to know
			}
			l.listed, l.left = !l.listed, true
			w.logf("%s listed: %v", l.UID, l.listed)
		case d.one(12):
			l.ListSize = int64(d.n(2) * (1 + d.n(200)*10))
			w.logf("%s is listed with size %d", l.UID, l.ListSize)
		case w.m.headers && !w.noUIDL && d.one(10):
			l.Data = append([]byte("Status: RO\r\n"), l.Data...)
			w.weigh(l)
			w.logf("%s gets a Status line", l.UID)
		}
	}
}

// strongTwins tells whether all messages of a UID can be told apart by their headers.
func (w *world) strongTwins(l *letter) bool {
	return !slices.ContainsFunc(w.letters, func(o *letter) bool {
		return o.name == l.name && (o.weak || fingerprint(o.Data) == (uidl.Fingerprint{}) || o != l && o.group == l.group)
	})
}

// read is a mail reader: it moves mail from new to cur, into a folder, and removes some.
func (w *world) read(b *box) {
	if b.home != "" {
		return
	}
	w.scan(b)
	for _, sub := range []string{"new", "cur"} {
		names, _ := readNames(filepath.Join(b.dir, sub))
		slices.Sort(names)
		for _, name := range names {
			path := filepath.Join(b.dir, sub, name)
			var err error
			switch {
			case w.d.one(9):
				err = os.Remove(path)
			case w.m.readers && w.d.one(6):
				w.mkdir(filepath.Join(b.dir, ".Done", "cur"))
				b.tree = true
				err = os.Rename(path, filepath.Join(b.dir, ".Done", "cur", nameBase(name)+":2,S"))
			case sub == "new" && w.d.one(3):
				err = os.Rename(path, filepath.Join(b.dir, "cur", name+":2,S"))
			}
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	if w.m.readers && w.d.one(5) {
		w.emptyTmp(b)
	}
}

// emptyTmp is a sweeper that asks nobody.
func (w *world) emptyTmp(b *box) {
	if w.acc.RetrHides {
		return // what waits there is nowhere else
	}
	names, _ := readNames(filepath.Join(b.dir, "tmp"))
	for _, n := range names {
		if err := os.Remove(filepath.Join(b.dir, "tmp", n)); err != nil {
			w.t.Fatal(err)
		}
		b.swept = true
	}
	if len(names) > 0 {
		w.logf("tmp of Maildir %d is emptied of %d files", b.n, len(names))
	}
}
