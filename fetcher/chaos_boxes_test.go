package fetcher

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver/delivertest"
)

// box is a Maildir by what it is: a directory, wherever it lies. It remembers every file that was ever seen in it, so that
// what its reader took is known.
type box struct {
	n     int
	dir   string         // where it is
	home  string         // the path that it is mounted at, while it is not; "": it is where it belongs
	files map[string]int // by base name: the group of each file ever seen in it
	in    map[int]int    // of each group, how many files
	tree  bool           // it has folders
	swept bool           // its tmp was emptied by somebody
	twice map[string]int // by base name: what popsync may fetch again, since nothing shows any more that it was there
}

// remote is a destination that is no place of files.
type remote struct {
	*delivertest.Memory
	n    int
	seen int         // of what it has, how much was counted
	down bool        // nothing can be sent there for now
	in   map[int]int // of each group, how many
}

func nameBase(file string) string {
	return strings.FieldsFunc(file, func(r rune) bool { return strings.ContainsRune(":,;!", r) })[0]
}

func baseOf(ticket string) string { return strings.Fields(ticket)[1] }

func (b *box) subs() []string {
	if b.tree {
		return []string{"new", "cur", ".Done/cur"}
	}
	return []string{"new", "cur"}
}

// newBox takes a directory in.
func (w *world) newBox(dir string) *box {
	b := &box{n: len(w.boxes), dir: dir, files: map[string]int{}, in: map[int]int{}, twice: map[string]int{}}
	w.boxes = append(w.boxes, b)
	return b
}

// scan remembers what is in a Maildir now.
func (w *world) scan(b *box) {
	for _, sub := range b.subs() {
		names, _ := readNames(filepath.Join(b.dir, sub))
		for _, file := range names {
			base := nameBase(file)
			if _, ok := b.files[base]; ok {
				continue
			}
			data, err := os.ReadFile(filepath.Join(b.dir, sub, file))
			if err != nil {
				w.t.Fatal(err)
			}
			g, ok := w.groups[sha256.Sum256(data)]
			if !ok {
				w.fail("Maildir %d has a message that nobody sent: %.200q", b.n, data)
				g = -1
			}
			b.files[base] = g
			b.in[g]++
			w.logf("Maildir %d gets a message of group %d", b.n, g)
		}
	}
}

func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// look remembers what is everywhere, and notices what popsync made where nothing was.
func (w *world) look() {
	for _, s := range w.slots {
		if s.remote == nil && w.at[s.path] == nil {
			if _, err := os.Lstat(filepath.Join(s.path, "new")); err == nil {
				b := w.newBox(s.path)
				w.at[s.path] = b
				w.logf("Maildir %d is made at %s", b.n, filepath.Base(s.path))
			}
		}
	}
	for _, b := range w.boxes {
		if b.home == "" {
			w.scan(b)
		}
	}
	for _, r := range w.remotes {
		all := r.Delivered()
		for _, d := range all[r.seen:] {
			g, ok := w.groups[sha256.Sum256([]byte(d.Body))]
			if !ok {
				w.fail("remote %d has a message that nobody sent: %.200q", r.n, d.Body)
			}
			r.in[g]++
			w.logf("remote %d gets a message of group %d", r.n, g)
		}
		r.seen = len(all)
	}
}

// aside moves a directory out of the way, and gives its new path.
func (w *world) aside(dir string) string {
	w.moves++
	to := filepath.Join(w.home, "aside", strconv.Itoa(w.moves))
	if err := os.Rename(dir, to); err != nil {
		w.t.Fatal(err)
	}
	return to
}
