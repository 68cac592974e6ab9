package tokens

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

const maxRecord = 512 << 10 // octets

// store is where records are. dir is the Keeper's folder, open.
type store interface {
	// get gives a record as it was put; nil: there is none.
	get(ctx context.Context, dir *os.File, name string) ([]byte, error)
	// put has made it last when the error is nil.
	put(ctx context.Context, dir *os.File, name string, b []byte) error
	erase(ctx context.Context, dir *os.File, name string) error
}

// files are records in files of their own.
type files struct{}

func (files) get(_ context.Context, dir *os.File, name string) ([]byte, error) {
	b, err := read(dir, name+tokenSuffix, maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (files) put(_ context.Context, dir *os.File, name string, b []byte) error {
	if err := sweep(dir, name); err != nil {
		return err
	}
	return durable.WriteFile(dir, name+tokenSuffix, b, 0o600)
}

func (files) erase(_ context.Context, dir *os.File, name string) error {
	if err := sweep(dir, name); err != nil {
		return err
	}
	return safepath.RemoveAt(dir, name+tokenSuffix)
}

// sweep removes what a killed process left half written: secrets are in it. Only who has the lock may do that.
func sweep(dir *os.File, name string) error {
	names, err := safepath.NamesAt(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		for _, suffix := range []string{tokenSuffix, stateSuffix} {
			rest, ok := strings.CutPrefix(n, "."+name+suffix+".")
			if ok && !strings.Contains(rest, ".") {
				if err := safepath.RemoveAt(dir, n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// read reads a small file of the folder that nobody else may read.
func read(dir *os.File, name string, most int64) ([]byte, error) {
	f, err := safepath.OpenOurs(dir, name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &safepath.Error{Path: f.Name(), Why: "others may read " + f.Name(), Mend: "chmod 600 " + safepath.Quote(f.Name())}
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s: larger than %d bytes", f.Name(), most)
	}
	return b, nil
}
