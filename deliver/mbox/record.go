package mbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// record is what is remembered of a mailbox beside the copies that wait for it, so that a later process can look for what this one left
// in doubt. It is a file of lines: one for the mailbox, then what happened.
//
//	mbox1 WHERE DEVICE                   of the folder of the mailbox
//	b ID DEVICE INODE BASE TAIL TIME SUMS
//	                                     is about to be written at BASE of this file, in front of which is TAIL; SUMS tell a piece of it; synced
//	t ID                                 is there; not synced, as it can be seen there
//	n ID                                 is not there: what was written of it was cut off
//	l N                                  so many looks in a row failed
//
// What is no line of these, as a last one that was cut short, is left out.
type record struct {
	dir  string // "": it is kept in memory only
	name string
	file *os.File // open for appending

	where string
	dev   uint64 // 0: nothing was written yet
	broke int

	begun map[string]place
	taken map[string]bool
	order []string // of taken, from the oldest
	next  int      // place.turn of the next one
	lines int      // since the file was written anew
}

// place is where a message is, if it is there.
type place struct {
	dev, ino uint64
	base     int64
	tail     string
	at       int64 // Unix seconds: of its From_ line
	sums     prefixes
	turn     int // counts up
}

const (
	maxRecord = 64 << 20 // octets that are read of the file
	maxLines  = 1000     // after which it is written anew
	kept      = 100      // messages that are remembered as taken then: more than there can be of which the ledger does not know that
	maxBroke  = 5        // looks in a row that may fail
)

var errRecord = errors.New("the record of what was written cannot be read")

// recordWhere is how a record says of which mailbox it is.
func recordWhere(where string) string {
	sum := sha256.Sum256([]byte(where))
	return hex.EncodeToString(sum[:16])
}

// openRecord reads the record beside a folder of copies. One that is missing, or is of another mailbox, is empty: nothing was written to
// this one.
func openRecord(folder, where string) (*record, error) {
	r := &record{where: recordWhere(where), begun: map[string]place{}, taken: map[string]bool{}}
	if folder == "" {
		return r, nil
	}
	r.dir, r.name = filepath.Dir(folder), filepath.Base(folder)+deliver.LookSuffix
	dir, err := safepath.Dir(r.dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := safepath.OpenOurs(dir, r.name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err == nil && len(text) > maxRecord {
		err = errRecord
	}
	if err != nil {
		return nil, err
	}
	return r, r.parse(text)
}

func (r *record) parse(text []byte) error {
	first := true
	for line := range bytes.Lines(text) {
		whole, ended := bytes.CutSuffix(line, []byte("\n"))
		verb, rest, _ := strings.Cut(string(whole), " ")
		if first {
			first = false
			var where string
			var dev uint64
			if n, err := fmt.Sscanf(rest, "%s %d", &where, &dev); err != nil || n != 2 || !ended || verb != "mbox1" {
				return errRecord
			}
			if where != r.where {
				return nil
			}
			r.dev = dev
			continue
		}
		switch {
		case !ended:
		case verb == "b":
			var id string
			var p place
			var sums string
			n, err := fmt.Sscanf(rest, "%s %d %d %d %s %d %s", &id, &p.dev, &p.ino, &p.base, &p.tail, &p.at, &sums)
			var ok bool
			if p.sums, ok = parsePrefixes(sums); ok && err == nil && n == 7 {
				r.note(id, p)
			}
		case verb == "t":
			r.noteTaken(rest)
		case verb == "n":
			delete(r.begun, rest)
		case verb == "l":
			if _, err := fmt.Sscanf(rest, "%d", &r.broke); err != nil {
				r.broke = 0
			}
		}
	}
	return nil
}

func (r *record) note(id string, p place) {
	p.turn = r.next
	r.next++
	r.begun[id] = p
	if r.taken[id] { // it was settled, and somebody wants it once more
		delete(r.taken, id)
		r.order = slices.DeleteFunc(r.order, func(one string) bool { return one == id })
	}
}

func (r *record) noteTaken(id string) {
	if !r.taken[id] {
		r.taken[id] = true
		r.order = append(r.order, id)
	}
}

// forget forgets what was begun and taken.
func (r *record) forget() {
	clear(r.begun)
	clear(r.taken)
	r.order, r.broke = nil, 0
}

// begin notes that a message is about to be written, durably.
func (r *record) begin(id string, p place) error {
	if r.lines >= maxLines {
		if old := len(r.order) - kept; old > 0 {
			for _, id := range r.order[:old] {
				delete(r.taken, id)
				delete(r.begun, id)
			}
			r.order = slices.Clone(r.order[old:])
		}
		if err := r.save(); err != nil {
			return err
		}
	}
	r.note(id, p)
	return r.add(lineOf(id, p), true)
}

func lineOf(id string, p place) string {
	return fmt.Sprintf("b %s %d %d %d %s %d %s", id, p.dev, p.ino, p.base, p.tail, p.at, p.sums.String())
}

// take notes that a message is there. A line that is lost costs a look.
func (r *record) take(id string) {
	r.noteTaken(id)
	_ = r.add("t "+id, false)
}

// drop notes that nothing of a message is there. A line that is lost costs a look.
func (r *record) drop(id string) {
	delete(r.begun, id)
	_ = r.add("n "+id, false)
}

// failed counts looks that failed in a row; 0 begins anew.
func (r *record) failed(n int) {
	if r.broke != n {
		r.broke = n
		_ = r.add(fmt.Sprintf("l %d", n), false)
	}
}

// last is the message that was begun last, if it is not known whether it is there.
func (r *record) last() (id string, p place, ok bool) {
	p.turn = -1
	for one, q := range r.begun {
		if q.turn > p.turn {
			id, p, ok = one, q, true
		}
	}
	return id, p, ok && !r.taken[id]
}

// after are the places that were begun after one in the same file, from the first.
func (r *record) after(p place) (all []place) {
	for _, q := range r.begun {
		if q.turn > p.turn && q.dev == p.dev && q.ino == p.ino {
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.turn, b.turn) })
	return all
}

// save writes all of it anew, durably.
func (r *record) save() error {
	r.close()
	r.lines = 0
	if r.dir == "" {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "mbox1 %s %d\n", r.where, r.dev)
	for _, id := range slices.SortedFunc(maps.Keys(r.begun), func(a, b string) int { return cmp.Compare(r.begun[a].turn, r.begun[b].turn) }) {
		b.WriteString(lineOf(id, r.begun[id]) + "\n")
	}
	for _, id := range r.order {
		fmt.Fprintf(&b, "t %s\n", id)
	}
	if r.broke > 0 {
		fmt.Fprintf(&b, "l %d\n", r.broke)
	}
	dir, err := safepath.Dir(r.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := durable.WriteFile(dir, r.name, b.Bytes(), 0o600); err != nil {
		return err
	}
	r.file, err = safepath.OpenOurs(dir, r.name, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

// add adds a line. A failure makes the next one write all anew.
func (r *record) add(line string, sync bool) (err error) {
	r.lines++
	switch {
	case r.dir == "":
		return nil
	case r.file == nil:
		return r.save()
	case sync:
		err = durable.Append(r.file, []byte(line+"\n"))
	default:
		_, err = r.file.WriteString(line + "\n")
	}
	if err != nil {
		r.close()
	}
	return err
}

func (r *record) close() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}
