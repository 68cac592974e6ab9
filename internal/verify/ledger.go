package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// ledger opens the ledger and reads all of it; a damaged one is replaced if that was asked for. nil: there is nothing
// more to look at.
func (v *verifier) ledger(ctx context.Context) uidl.Ledger {
	l, err := v.sound(ctx)
	if err == nil {
		v.ok(v.File + " is sound")
		return l
	}
	text, hint := exit.Apart(err)
	if !errors.Is(err, uidl.ErrCorrupt) && !errors.Is(err, uidl.ErrForeign) {
		v.found(v.Class(err), text, hint)
		return nil
	}
	if !v.Repair {
		v.found(verdict.Internal, text, "restore a backup, or say: popsync verify --repair. It moves "+filepath.Base(v.File)+" aside and carries over what can be read")
		return nil
	}
	v.line("FAIL  ", v.account+": "+text)
	if err := v.salvage(ctx); err != nil {
		class := v.Class(err)
		if errors.Is(err, uidl.ErrBusy) {
			class = verdict.Temporary
		}
		v.found(class, err.Error(), "end what uses the ledger, then say it again")
		return nil
	}
	if l, err = v.sound(ctx); err != nil {
		text, hint := exit.Apart(err)
		v.found(verdict.Internal, text, hint)
		return nil
	}
	return l
}

func (v *verifier) sound(ctx context.Context) (uidl.Ledger, error) {
	l, err := v.Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.Check(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (v *verifier) salvage(ctx context.Context) error {
	out, err := v.Salvage(ctx)
	if err != nil {
		return err
	}
	v.repaired("moved aside to " + out.Aside)
	v.repaired(fmt.Sprintf("carried over: %s, %s, %s", words.Number(out.Accounts, "account"), words.Number(out.Messages, "message"), words.Number(out.Deliveries, "open delivery")))
	if len(out.Unread) > 0 || out.Refused > 0 {
		v.repaired(fmt.Sprintf("not carried over: what could not be read of %s; rows that made no sense: %d",
			strings.Join(out.Unread, ", "), out.Refused))
	}
	v.repaired("the next run of each account looks in the Maildir for what the ledger lacks, holds back what is not there, and deletes nothing on the server")
	return nil
}

// leftovers are files beside the ledger that an interrupted process left.
func (v *verifier) leftovers() {
	aside, _ := filepath.Glob(v.File + ".damaged-*Z")
	for _, path := range aside {
		v.ok(path + " was moved aside by a repair; remove it when you miss nothing")
	}
	left, _ := filepath.Glob(v.File + ".creating*")
	for _, path := range left {
		info, err := os.Lstat(path)
		if err != nil || time.Since(info.ModTime()) < time.Hour {
			continue
		}
		if !v.Repair {
			v.found(verdict.Temporary, path+" is left from a ledger that was never finished", "popsync verify --repair removes it")
		} else if err := v.remove(path); err != nil {
			v.found(verdict.Config, err.Error(), "remove it by hand")
		} else {
			v.repaired("removed " + path)
		}
	}
}

// remove removes a file of the state directory.
func (v *verifier) remove(path string) error {
	dir, err := safepath.Dir(v.StateDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return safepath.RemoveAt(dir, filepath.Base(path))
}
