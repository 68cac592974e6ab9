package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/popsync/popsync/config/document"
	"github.com/popsync/popsync/internal/safepath"
)

// sheet is a file of a configuration as it was read.
type sheet struct {
	path    string
	data    []byte
	id      string // of the file, whatever path led to it
	edition string // another one since it was written again
	mode    fs.FileMode
	owner   uint32
}

// readSheet reads a file that nobody else can change, nor what leads to it. regular: it must be a file, nothing that somebody has
// to write into while it is read.
func readSheet(path string, regular bool) (*sheet, error) {
	f, err := safepath.File(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Of the open file, not of its name, which may be another one by now. It comes before the reading: what is written
	// meanwhile is a later edition.
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, syscall.EISDIR
	case regular && !info.Mode().IsRegular():
		return nil, errNoFile
	}
	data, err := io.ReadAll(io.LimitReader(f, document.MaxFile+1))
	if err != nil {
		return nil, err
	}
	s := &sheet{path: path, data: data, id: path, mode: info.Mode()}
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.owner, inode = st.Uid, uint64(st.Ino)
		s.id = fmt.Sprintf("%d %d", st.Dev, inode)
	}
	s.edition = fmt.Sprintf("%d %d %d", info.ModTime().UnixNano(), inode, info.Size())
	return s, nil
}

// judge tells whether a file may hold the secret that stands at a path in it; "": it holds none.
func (s *sheet) judge(literal document.Path) *fault {
	if literal == "" {
		return nil
	}
	return ownerFault(s.path, s.mode.IsRegular(), s.mode.Perm(), s.owner, uint32(os.Geteuid()))
}
