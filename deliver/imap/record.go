package imap

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/safepath"
)

// record is what is remembered of a folder beside the copies that wait for it, so that a later process can look for what this one left in
// doubt. It is a file of lines: one for the folder, then what happened.
//
//	look1 WHERE UIDVALIDITY BASE FLAGS
//	o ID            was begun under another UIDVALIDITY: it can't be looked for
//	b ID            is begun; not synced, so that a power cut may lose it
//	t ID UID KEY    was taken, as UID (0: not known); KEY tells messages like it. Synced
//	n ID            is to be sent once more: what was taken was an earlier copy
//	f FLAGS         flags from here on
//	l N             so many looks in a row were cut short
//
// FLAGS are "-", or p: looking was proved, and u: UIDs that APPENDUID tells are right. What is no line of these, as a last one that was
// cut short, is left out.
type record struct {
	dir  string // "": it is kept in memory only
	name string
	file *os.File // open for appending

	where    string
	validity uint32
	base     uint32 // every UID of ours is at least this
	proved   bool
	uids     bool
	broke    int

	large bool // the file was larger than maxRecord: nothing can be looked for

	begun map[string]bool
	old   map[string]bool
	taken map[string]taken
	order []string // of taken, from the oldest
	owner map[uint32]string
	bare  int // of taken: how many have no UID

	lazy bool // what is to be synced waits for flush
	owes bool // something does
}

type taken struct {
	uid uint32
	key string
}

const (
	maxRecord   = 64 << 20 // octets that are read of the file: more than 500,000 messages
	maxNameless = 500      // messages without UIDs after which the base is raised, where that is possible
	kept        = 100      // messages that are remembered then: more than there can be whose end the ledger does not know
	noKey       = "-"      // key of these
)

// recordWhere is how a record says of which place it is.
func recordWhere(where string) string {
	sum := sha256.Sum256([]byte(where))
	return hex.EncodeToString(sum[:16])
}

var errRecord = errors.New("the record of what was sent cannot be read")

// openRecord reads the record beside a folder of copies. One that is missing, or is of another place, is empty: nothing was sent to this one.
func openRecord(folder, where string) (*record, error) {
	r := &record{where: where, begun: map[string]bool{}, old: map[string]bool{}, taken: map[string]taken{}, owner: map[uint32]string{}}
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
	if err != nil {
		return nil, err
	}
	if r.large = len(text) > maxRecord; r.large {
		text = text[:bytes.IndexByte(text, '\n')+1]
	}
	return r, r.parse(text)
}

func (r *record) parse(text []byte) error {
	first := true
	for line := range bytes.Lines(text) {
		whole, ended := bytes.CutSuffix(line, []byte("\n"))
		words := strings.Split(string(whole), " ")
		if first {
			first = false
			if !ended || len(words) != 5 || words[0] != "look1" {
				return errRecord
			}
			if words[1] != r.where {
				return nil
			}
			validity, err1 := strconv.ParseUint(words[2], 10, 32)
			base, err2 := strconv.ParseUint(words[3], 10, 32)
			if err1 != nil || err2 != nil || validity == 0 || base == 0 {
				return errRecord
			}
			r.validity, r.base = uint32(validity), uint32(base)
			r.setFlags(words[4])
			continue
		}
		switch {
		case !ended:
		case words[0] == "o" && len(words) == 2:
			r.old[words[1]] = true
		case words[0] == "b" && len(words) == 2:
			r.begun[words[1]] = true
		case words[0] == "t" && len(words) == 4:
			if uid, err := strconv.ParseUint(words[2], 10, 32); err == nil {
				r.note(words[1], taken{uint32(uid), words[3]})
			}
		case words[0] == "n" && len(words) == 2:
			r.once(words[1])
		case words[0] == "f" && len(words) == 2:
			r.setFlags(words[1])
		case words[0] == "l" && len(words) == 2:
			r.broke, _ = strconv.Atoi(words[1])
		}
	}
	return nil
}

func (r *record) flags() string {
	s := ""
	if r.proved {
		s += "p"
	}
	if r.uids {
		s += "u"
	}
	if s == "" {
		return "-"
	}
	return s
}

func (r *record) setFlags(s string) {
	r.proved, r.uids = strings.Contains(s, "p"), strings.Contains(s, "u")
}

// met tells whether anything was ever sent to this folder.
func (r *record) met() bool { return r.validity != 0 }

// renew begins at what STATUS tells. Where UIDVALIDITY is another one, what was begun can't be looked for any more, and looking is to be
// proved anew. What was begun is forgotten if all says that nothing of it is in doubt.
func (r *record) renew(s state, all bool) {
	changed := r.validity != s.validity
	var last []string
	if changed && r.met() && !all {
		for id := range r.begun {
			if _, taken := r.taken[id]; !taken {
				r.old[id] = true
			}
		}
		last = r.last()
	}
	if changed {
		r.proved, r.uids = false, false
	}
	if all {
		clear(r.old)
	}
	r.forget()
	for _, id := range last {
		r.note(id, taken{0, noKey})
	}
	r.validity, r.base, r.broke, r.large = s.validity, s.next, 0, false
}

// raise begins at what STATUS tells while nothing is in doubt. What was taken last is remembered as taken: the ledger may not know it yet.
func (r *record) raise(s state) {
	last := r.last()
	if r.validity != s.validity {
		r.proved, r.uids = false, false
	}
	r.forget()
	for _, id := range last {
		r.note(id, taken{0, noKey})
	}
	r.validity, r.base, r.broke = s.validity, s.next, 0
}

// once gives what was taken under an id to another one, so that the id can be taken anew.
func (r *record) once(id string) {
	was, ok := r.taken[id]
	if !ok {
		return
	}
	other := id
	for ok {
		other += "+"
		_, ok = r.taken[other]
	}
	r.note(id, taken{0, noKey})
	delete(r.taken, id)
	r.order = slices.DeleteFunc(r.order, func(one string) bool { return one == id })
	delete(r.begun, id)
	r.note(other, was)
}

// last are the messages that were taken last.
func (r *record) last() []string { return r.order[max(0, len(r.order)-kept):] }

func (r *record) note(id string, t taken) {
	was, known := r.taken[id]
	if !known {
		r.order = append(r.order, id)
	} else if was.nameless() {
		r.bare--
	}
	if was.uid != 0 {
		delete(r.owner, was.uid)
	}
	if t.uid != 0 {
		r.owner[t.uid] = id
	}
	if r.taken[id] = t; t.nameless() {
		r.bare++
	}
}

func (t taken) nameless() bool { return t.uid == 0 && t.key != noKey }

// forget forgets what was begun and taken.
func (r *record) forget() {
	clear(r.begun)
	clear(r.taken)
	clear(r.owner)
	r.order, r.bare = nil, 0
}

// certain tells that nothing is in doubt.
func (r *record) certain() bool { return len(r.old) == 0 && r.open() == r.nameless() }

// open is how many messages a look may meet whose UIDs are not known, though they are ours.
func (r *record) open() (n int) {
	for id := range r.begun {
		if _, ok := r.taken[id]; !ok {
			n++
		}
	}
	return n + r.nameless()
}

// nameless is how many messages were taken whose UIDs are not known.
func (r *record) nameless() int { return r.bare }

// named is the UID that APPENDUID told, if it can be right; 0: it is not known.
func (r *record) named(uid uint32) uint32 {
	if !r.uids || uid == 0 {
		return 0
	}
	if uid < r.base || r.owner[uid] != "" {
		r.distrust()
		_ = r.save()
		return 0
	}
	return uid
}

// many tells that looking was proved, so that several messages may be on their way at once.
func (r *record) many() bool { return r != nil && r.proved && r.nameless() < maxNameless }

// distrust forgets all UIDs: one that was told was wrong.
func (r *record) distrust() {
	r.uids = false
	for id, t := range r.taken {
		r.note(id, taken{0, t.key})
	}
}

// others is how many messages like one were taken whose UIDs are not known.
func (r *record) others(id, key string) (n int) {
	for other, t := range r.taken {
		if other != id && t.key == key && t.uid == 0 {
			n++
		}
	}
	return n
}
