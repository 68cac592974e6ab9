package notify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

const maxFile = 1 << 20 // octets; a file has about two thousand for each notice that waits

func fileName(account string, group int) string { return groupNames[group] + "-" + account + ".json" }

func (n *Notifier) path(account string, group int) string {
	return filepath.Join(n.dir, fileName(account, group))
}

// account gives what is in memory of an account.
func (n *Notifier) account(name string) *account {
	a := n.accounts[name]
	if a == nil {
		a = &account{name: name}
		n.accounts[name] = a
	}
	return a
}

// tidy forgets an account of which there is nothing to remember.
func (n *Notifier) tidy(a *account) {
	for _, s := range a.groups {
		if s.record != nil || s.unsaved || a.sending {
			return
		}
	}
	if n.accounts[a.name] == a {
		delete(n.accounts, a.name)
	}
}

// refresh reads an account's files: another process may have written them. What could not be written counts more.
func (n *Notifier) refresh(a *account) (errs []error) {
	if a.sending {
		return nil
	}
	dir, derr := safepath.Dir(n.dir)
	if derr == nil {
		defer dir.Close()
	}
	for g := range groups {
		s := &a.groups[g]
		if s.unsaved {
			continue
		}
		r, err := (*record)(nil), derr
		if derr == nil {
			r, err = n.read(dir, a.name, g)
		}
		switch {
		case err == nil:
			s.record = r
		case errors.Is(err, fs.ErrNotExist):
			if s.record == nil {
				continue
			}
			// What was told is removed by nobody, so this is an accident; the rest another process may have ended.
			if _, err := os.Stat(n.dir); err != nil || s.told() {
				s.unsaved = true
			} else {
				s.record = nil
			}
		default:
			s.unsaved = s.record != nil
			errs = append(errs, fmt.Errorf("the incident of account %s is not readable and was put aside: %w", a.name, err))
			if err := n.putAside(fileName(a.name, g)); err != nil {
				errs = append(errs, fmt.Errorf("putting it aside: %w", err))
			}
		}
	}
	return errs
}

// read gives the record in a file. Only a missing file is fs.ErrNotExist.
func (n *Notifier) read(dir *os.File, account string, group int) (*record, error) {
	path := n.path(account, group)
	f, err := safepath.OpenAt(dir, filepath.Base(path), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() { // reading a pipe would wait
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	r, err := decode(b)
	if err == nil && (r.Account != account || r.Group != groupNames[group]) {
		err = errors.New("it is about something else")
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return r, nil
}

// putAside keeps one damaged file of each name, the newest, for whoever wants to know.
func (n *Notifier) putAside(name string) error {
	dir, err := safepath.Dir(n.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := removeAll(dir, name+".damaged"); err != nil {
		return err
	}
	return durable.RenameNoReplace(dir, name, dir, name+".damaged")
}

// MemoryError is an incident that could not be written down. With Options.Once nothing is sent of it.
type MemoryError struct {
	Account string
	Err     error
}

// Error names the account.
func (e *MemoryError) Error() string {
	return fmt.Sprintf("remembering the incident of account %s: %v", e.Account, e.Err)
}

// Unwrap gives the cause.
func (e *MemoryError) Unwrap() error { return e.Err }

// save makes the files say what memory does. What fails is tried again with the next save.
func (n *Notifier) save(a *account) error {
	if a.gone {
		return nil
	}
	var errs []error
	for g := range groups {
		s := &a.groups[g]
		if !s.unsaved {
			continue
		}
		if err := n.put(n.path(a.name, g), s.record); err != nil {
			errs = append(errs, &MemoryError{a.name, err})
			continue
		}
		s.unsaved = false
	}
	return errors.Join(errs...)
}

func (n *Notifier) put(path string, r *record) error {
	if r == nil {
		return n.remove(path)
	}
	b, err := encode(r)
	if err != nil {
		return err
	}
	err = n.write(path, b, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// One level only: where the folder above is missing, its filesystem may not be mounted.
	dir, err := safepath.MakeDir(n.dir, n.sync)
	if err != nil {
		return err
	}
	dir.Close()
	return n.write(path, b, 0o600)
}

// writeFile writes a file of the folder for incidents.
func writeFile(path string, data []byte, perm os.FileMode) error {
	dir, err := safepath.Dir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return durable.WriteFile(dir, filepath.Base(path), data, perm)
}

func (n *Notifier) remove(path string) error {
	dir, err := safepath.Dir(n.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := safepath.StatAt(dir, filepath.Base(path)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := safepath.RemoveAt(dir, filepath.Base(path)); err != nil {
		return err
	}
	return n.sync(dir)
}

// removeDamaged removes what was put aside of a file.
func (n *Notifier) removeDamaged(name string) error {
	dir, err := safepath.Dir(n.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer dir.Close()
	return removeAll(dir, name+".damaged")
}

// removeAll removes what is damaged, be it a folder with files.
func removeAll(dir *os.File, name string) error {
	if sub, err := safepath.DirAt(dir, name); err == nil {
		defer sub.Close()
		names, err := safepath.NamesAt(sub)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := safepath.RemoveAt(sub, n); err != nil {
				return err
			}
		}
	}
	return safepath.RemoveAt(dir, name)
}

// sweep removes what WriteFile leaves when it is killed. Another process may be at it just now, so it must be old.
func (n *Notifier) sweep() {
	dir, err := safepath.Dir(n.dir)
	if err != nil {
		return // it is told when something is to be written
	}
	defer dir.Close()
	list, _ := safepath.NamesAt(dir)
	for _, name := range list {
		if strings.HasPrefix(name, ".trouble-") || strings.HasPrefix(name, ".parked-") || strings.HasPrefix(name, ".skipped-") || strings.HasPrefix(name, ".ending-") {
			if st, err := safepath.StatAt(dir, name); err == nil && time.Since(time.Unix(st.Mtim.Unix())).Abs() > time.Hour {
				_ = safepath.RemoveAt(dir, name) // it only takes some room
			}
		}
	}
}
