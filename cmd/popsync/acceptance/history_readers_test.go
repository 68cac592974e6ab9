//go:build linux && (amd64 || arm64)

package acceptance_test

import "os"

// histReaders are what readers of Maildirs do, and cleaners.
var histReaders = []histEvent{
	{10, "a reader opens, files and deletes mail", func(w *histWorld) bool {
		p, ok := histPick(w, w.inUse())
		if !ok {
			return false
		}
		for _, path := range p.files("new", "cur", ".*/cur") {
			base := histBase(path)
			switch w.n(6) {
			case 0:
				w.oracle.took[histAt{p.number, p.known[base]}] = true
				w.must(os.Remove(path))
			case 1:
				for _, sub := range []string{"tmp", "new", "cur"} {
					w.must(os.MkdirAll(p.dir+"/.Archive/"+sub, 0o700))
				}
				w.must(os.Rename(path, p.dir+"/.Archive/cur/"+base+":2,S"))
			case 2, 3:
				w.must(os.Rename(path, p.dir+"/cur/"+base+":2,S"))
			}
		}
		return true
	}},
	{4, "tmp is emptied", func(w *histWorld) bool {
		p, ok := histPick(w, w.inUse())
		if ok {
			w.sweep(p)
		}
		return ok
	}},
	{5, "popsync will be killed while it publishes, and tmp is emptied", func(w *histWorld) bool {
		if !w.charge() {
			return false
		}
		w.trouble.kill, w.trouble.sweep = &histKill{"rename", "/new/", 1 + w.n(3)}, true
		return true
	}},
}

// sweep removes what is in the tmp of a Maildir.
func (w *histWorld) sweep(p *histPlace) {
	for _, path := range p.files("tmp") {
		b, _ := os.ReadFile(path)
		w.oracle.swept[histAt{p.number, histNumber(b)}] = true
		w.must(os.Remove(path))
	}
}
