package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/safepath"
)

const (
	notePrefix = "popsync." // of a file in the Maildir's root; then the token
	maxNotes   = 1000       // files that Notes reads
)

var errNoNote = errors.New("what has its name is not a file of this user's alone")

// Notes reads files popsync.TOKEN in the Maildir's root, by its path. A reader of mail sees none of them: in a root it
// looks at cur, new and tmp, and for folders (Maildir++) at names that begin with a dot. What is no file of this user's, or
// not a note, word for word, is left out; a Maildir that is not there has none.
func (m *Target) Notes(token string) ([]deliver.Note, error) {
	path, _, err := m.opts.expected("")
	if err != nil {
		return nil, err
	}
	if token != "" && !validToken(token) {
		return nil, &deliver.Error{Op: "read", Place: path, Permanent: true, Err: fmt.Errorf("not the token of a note: %q", token)}
	}
	root, err := disk.Dir(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	} else if err != nil {
		return nil, disk.Failed("read", path, err)
	}
	defer root.Close()
	tokens := []string{token}
	if token == "" {
		tokens = nil
		err = disk.EachName(root.File, func(name string) error {
			if token, ok := strings.CutPrefix(name, notePrefix); ok && validToken(token) {
				tokens = append(tokens, token)
			}
			if len(tokens) == maxNotes {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil && err != fs.SkipAll {
			return nil, disk.Failed("read", path, err)
		}
	}
	var notes []deliver.Note
	for _, token := range tokens {
		if n, err := readNote(root.File, token); err == nil {
			notes = append(notes, n)
		}
	}
	return notes, nil
}

func readNote(root *os.File, token string) (deliver.Note, error) {
	f, err := openNote(root, token, unix.O_RDONLY)
	if err != nil {
		return deliver.Note{}, err
	}
	defer f.Close()
	record, err := io.ReadAll(io.LimitReader(f, noteSize+1))
	if err != nil {
		return deliver.Note{}, err
	}
	return parseNote(token, record)
}

// openNote opens popsync.TOKEN if it is a file of this user's that has no other name, and not larger than a note: what
// somebody else put there is neither believed nor overwritten.
func openNote(root *os.File, token string, flags int) (*os.File, error) {
	f, err := safepath.OpenOwn(root, notePrefix+token, flags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > noteSize {
		err = errNoNote
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// WriteNote rewrites popsync.TOKEN, which is made 0600, by one write and without sync: a power cut leaves the note of now
// or of before, or one that is not believed.
func (m *Target) WriteNote(n deliver.Note) error {
	if m.place == nil {
		return &deliver.Error{Op: "note", Place: m.opts.Path, Scope: deliver.WholeTarget, Err: disk.ErrNotIdentified}
	}
	path := filepath.Join(m.place.path, notePrefix+n.Token)
	if !validNote(n) {
		return &deliver.Error{Op: "note", Place: m.place.path, Permanent: true, Err: errNote}
	}
	f, err := openNote(m.place.root, n.Token, unix.O_WRONLY|unix.O_CREAT)
	if err != nil {
		return disk.Failed("note", path, err)
	}
	_, err = f.WriteAt(noteRecord(n), 0)
	return disk.Failed("note", path, errors.Join(err, f.Close()))
}

var _ deliver.Noter = (*Target)(nil)
