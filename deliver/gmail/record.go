package gmail

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// record is what is remembered beside the copies that wait, so that a later process can ask for what this one left in doubt. It is a file of
// lines: one for the mailbox, then what happened.
//
//	gmail1 WHERE SUBJECT   hashes of Where and of the login's "sub"; "-": not known
//	s ID UNIX URI          the message goes by an upload session, which began then. Durable, and a secret
//	x ID                   that session is over
//	t ID GMAIL             Gmail has taken the message: hashes of both ids
//	r ID                   it was refused once, without a reason
//
// What is no line of these, as a last one that was cut short, is left out. Lines t are not synced: one that a power cut takes costs
// no mail.
type record struct {
	dir  string // "": it is kept in memory only
	name string
	file *os.File // open for appending; nil: the next line writes all anew
	more int      // lines that a later one made worthless

	where   string
	subject string // "": not known

	sessions map[string]session
	refused  map[string]bool
	taken    map[uint64]bool   // delivery ids
	owner    map[uint64]uint64 // Gmail's ids, and whose they are
	order    []pair            // of taken, from the oldest
}

// session is the address of an upload, and when it began.
type session struct {
	uri string
	at  time.Time
}

type pair struct{ id, gmail uint64 }

const (
	maxRecord = 64 << 20 // octets that are read of the file
	kept      = 50_000   // messages whose ids are remembered
	noSubject = "-"
)

// short is a hash of 64 bits: ids are many, and only compared.
func short(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(sum[:8])
}

// long is a hash of what is written down once.
func long(s string) string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

var errRecord = errors.New("the record of what was sent can't be read")

// openRecord reads the record beside a folder of copies. One that is missing, or is of another mailbox, is empty.
func openRecord(folder, where string) (*record, error) {
	r := &record{where: long(where), sessions: map[string]session{}, refused: map[string]bool{}, taken: map[uint64]bool{}, owner: map[uint64]uint64{}}
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
	return r, r.read(io.LimitReader(f, maxRecord))
}

func (r *record) read(from io.Reader) error {
	in := bufio.NewReaderSize(from, 2*maxSession)
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err == io.EOF { // also of a line that was cut short
			return nil
		}
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return err
		}
		words := strings.Split(strings.TrimSuffix(string(line), "\n"), " ")
		switch {
		case first && (long || len(words) != 3 || words[0] != "gmail1"):
			return errRecord
		case first && words[1] != r.where:
			return nil
		case first && words[2] != noSubject:
			r.subject = words[2]
		case !first && !long:
			r.line(words)
		}
	}
}

func (r *record) line(words []string) {
	switch {
	case words[0] == "s" && len(words) == 4 && len(words[3]) <= maxSession:
		if at, err := strconv.ParseInt(words[2], 10, 64); err == nil {
			r.sessions[words[1]] = session{words[3], time.Unix(at, 0)}
		}
	case words[0] == "x" && len(words) == 2:
		delete(r.sessions, words[1])
		r.more += 2
	case words[0] == "r" && len(words) == 2:
		r.refused[words[1]] = true
	case words[0] == "t" && len(words) == 3:
		id, err1 := strconv.ParseUint(words[1], 16, 64)
		gmail, err2 := strconv.ParseUint(words[2], 16, 64)
		if err1 == nil && err2 == nil {
			r.note(pair{id, gmail})
		}
	}
}

func (r *record) note(p pair) {
	r.taken[p.id], r.owner[p.gmail] = true, p.id
	r.order = append(r.order, p)
	if len(r.order) <= kept {
		return
	}
	old := r.order[0]
	r.order = r.order[1:]
	r.more++
	delete(r.taken, old.id)
	if r.owner[old.gmail] == old.id {
		delete(r.owner, old.gmail)
	}
}

// begin keeps the address of a session, durably.
func (r *record) begin(id string, s session) error {
	r.sessions[id] = s
	return r.add(fmt.Sprintf("s %s %d %s", id, s.at.Unix(), s.uri), true)
}

// end forgets the session of a message, if it has one.
func (r *record) end(id string) error {
	if _, ok := r.sessions[id]; !ok {
		return nil
	}
	delete(r.sessions, id)
	r.more += 2
	return r.add("x "+id, false)
}

// once notes that a message was refused without a reason, and tells whether it was before.
func (r *record) once(id string) (before bool, err error) {
	if r.refused[id] {
		return true, nil
	}
	r.refused[id] = true
	return false, r.add("r "+id, false)
}

// take notes that Gmail has a message under an id; merged tells that this is the id of another one.
func (r *record) take(id, gmail string) (merged bool, err error) {
	p := pair{short(id), short(gmail)}
	if owner, ok := r.owner[p.gmail]; ok && owner != p.id {
		return true, nil
	}
	if r.taken[p.id] && r.owner[p.gmail] == p.id {
		return false, nil
	}
	r.note(p)
	delete(r.refused, id)
	return false, r.add(fmt.Sprintf("t %016x %016x", p.id, p.gmail), false)
}

// has tells whether Gmail is known to have a message.
func (r *record) has(id string) bool { return r.taken[short(id)] }

// save writes all of it anew, durably.
func (r *record) save() error {
	r.close()
	if r.dir == "" {
		return nil
	}
	var b bytes.Buffer
	subject := r.subject
	if subject == "" {
		subject = noSubject
	}
	fmt.Fprintf(&b, "gmail1 %s %s\n", r.where, subject)
	for _, id := range slices.Sorted(maps.Keys(r.sessions)) {
		fmt.Fprintf(&b, "s %s %d %s\n", id, r.sessions[id].at.Unix(), r.sessions[id].uri)
	}
	for _, id := range slices.Sorted(maps.Keys(r.refused)) {
		fmt.Fprintf(&b, "r %s\n", id)
	}
	for _, p := range r.order {
		fmt.Fprintf(&b, "t %016x %016x\n", p.id, p.gmail)
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
	r.more = 0
	return err
}

// add adds a line. A failure makes the next one write all anew.
func (r *record) add(line string, sync bool) (err error) {
	switch {
	case r.dir == "":
		return nil
	case r.file == nil || r.more > kept:
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
