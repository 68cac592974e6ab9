package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/popsync/popsync/internal/safepath"
)

// readFile returns what a file holds without one line end after it.
func readFile(path string, private bool) (secret, hint string, err error) {
	data, hint, err := read(path, private)
	return trimLineEnd(string(data)), hint, err
}

// PrivateFile returns what a file holds that nobody else may read or change, such as a private key, or why not and how to mend
// that ("": the error says it). The error does not name the file.
func PrivateFile(path string) (data []byte, hint string, err error) { return read(path, true) }

// read returns what a file holds. Nobody else may be able to change the file or what leads to it; a private file must be closed
// to others.
func read(path string, private bool) (data []byte, hint string, err error) {
	var f *os.File
	closed := false
	if private {
		f, closed, err = safepath.Reach(path) // trust wants more
	} else {
		f, err = safepath.File(path)
	}
	if err != nil {
		return nil, mend(err), cause(err)
	}
	defer f.Close()
	info, err := f.Stat() // of the open file: its name may mean another one by now
	if err != nil {
		return nil, "", cause(err)
	}
	owner := uint32(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = st.Uid
	}
	if hint, err := trust(path, info.Mode(), owner, uint32(os.Geteuid()), private, closed || provided(path, f)); err != nil {
		return nil, hint, err
	}
	data, err = io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, "", cause(err)
	}
	if len(data) > maxSize {
		return nil, "", fmt.Errorf("larger than %d bytes", maxSize)
	}
	return data, "", nil
}

// mend is how to mend what others can change; "" for any other error.
func mend(err error) string {
	var fault *safepath.Error
	if errors.As(err, &fault) {
		return fault.Mend
	}
	return ""
}

// containers is where Docker and Podman put secrets, readable by everybody inside.
const containers = "/run/secrets/"

// provided tells that a secret was put there by what runs the container, for which everybody inside is one: in the folder
// for that, or on a filesystem in memory that is mounted read-only, as Kubernetes has it. Read-only alone is not enough:
// so is the store of Nix, which every user of the machine can read.
func provided(path string, f *os.File) bool {
	return strings.HasPrefix(filepath.Clean(path), containers) || fixedInMemory(f)
}

// trust judges a file before its content is used. A file that was provided, or that lies in a folder closed to others, may have a
// mode that lets others read it, and be written by nobody else all the same.
func trust(path string, mode fs.FileMode, owner, user uint32, private, provided bool) (hint string, err error) {
	closed := fs.FileMode(0o077)
	if provided {
		closed = 0o022
	}
	switch {
	case !mode.IsRegular():
		return "", errors.New("not a regular file")
	case !private:
		return "", nil
	case owner != user && owner != 0:
		return "chown it to yourself", fmt.Errorf("belongs to another user (id %d)", owner)
	case mode.Perm()&closed != 0:
		return "chmod 600 " + safepath.Quote(path), fmt.Errorf("others may open it (mode %04o)", mode.Perm())
	}
	return "", nil
}

// trimLineEnd removes one LF or CRLF.
func trimLineEnd(s string) string {
	if t, ok := strings.CutSuffix(s, "\n"); ok {
		return strings.TrimSuffix(t, "\r")
	}
	return s
}

// cause drops operation and path of a file system error: the path stands in Error.Source.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
