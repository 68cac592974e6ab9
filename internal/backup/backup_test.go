package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// copied is a ledger whose copy is known, or cannot be made.
type copied struct {
	uidl.Ledger
	err error
}

func (c copied) Backup(_ context.Context, w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "the ledger")
	return int64(n), errors.Join(err, c.err)
}

// A copy is whole, for the user alone and never in the place of something else; or there is none.
func TestWrite(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	write := func(file string, broken error, hasLedger bool) (string, error) {
		var out bytes.Buffer
		err := Write(t.Context(), &console.Console{Out: &out, Err: &out}, file, Options{StateDir: state, HasLedger: hasLedger, Open: func(context.Context) (Ledger, error) {
			return copied{uidltest.NewMemory().Open(), broken}, nil
		}})
		return out.String(), err
	}
	file := filepath.Join(dir, "copy.db")
	if _, err := write(file, nil, false); exit.CodeOf(err) != exit.Config {
		t.Errorf("without a ledger: %v", err)
	}
	if _, err := write(file, uidl.ErrCorrupt, true); exit.CodeOf(err) != exit.Internal {
		t.Errorf("of a damaged ledger: %v", err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("half a copy was left: %v", err)
	}
	out, err := write(file, nil, true)
	info, serr := os.Stat(file)
	if err != nil || serr != nil || info.Size() != int64(len("the ledger")) || info.Mode().Perm() != 0o600 || !strings.Contains(out, "a copy of the ledger of 0 accounts") {
		t.Errorf("%v, %v, %v\n%s", err, serr, info, out)
	}
	for _, taken := range []string{file, filepath.Join(state, "ledger.copy"), filepath.Join(dir, "missing", "copy.db")} {
		if _, err := write(taken, nil, true); exit.CodeOf(err) != exit.Usage {
			t.Errorf("%s: %v", taken, err)
		}
	}
}
