package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/uidl"
)

// socketsOf are the places where the daemon of a configuration may listen. It takes the first: the runtime directory
// that systemd gives, or the user's, else the state directory. Commands do not have the daemon's environment and try all.
func socketsOf(cfg *config.Config) (paths []string) {
	const name = "control.sock"
	if dir := os.Getenv("RUNTIME_DIRECTORY"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Join(dir, name))
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		// One user may have several daemons, but one for each state directory.
		sum := sha256.Sum256([]byte(cfg.StateDir))
		paths = append(paths, filepath.Join(dir, "popsync", fmt.Sprintf("control-%x.sock", sum[:4])))
	}
	return append(paths, filepath.Join(cfg.StateDir, name), filepath.Join("/run/popsync", name))
}

// wakeInLedger makes the next pass over an account due at once.
func wakeInLedger(ctx context.Context, l uidl.Ledger, account string) error {
	return changeStatus(ctx, l, account, func(st *uidl.Status, facts map[string]json.RawMessage) {
		st.NextTry = 0
		delete(facts, "hold")
		delete(facts, "refused")
	})
}

// pauseInLedger stops or resumes passes over an account.
func pauseInLedger(ctx context.Context, l uidl.Ledger, account string, paused bool) error {
	return changeStatus(ctx, l, account, func(_ *uidl.Status, facts map[string]json.RawMessage) {
		if delete(facts, "paused"); paused {
			facts["paused"], _ = json.Marshal(time.Now().Unix())
		}
	})
}

func changeStatus(ctx context.Context, l uidl.Ledger, account string, change func(*uidl.Status, map[string]json.RawMessage)) error {
	acc, err := l.Acquire(ctx, account)
	if err != nil {
		return err
	}
	defer acc.Close()
	st := acc.Info().Status
	facts := map[string]json.RawMessage{}
	_ = json.Unmarshal(st.Facts, &facts)
	change(&st, facts)
	if st.Facts, err = json.Marshal(facts); err != nil {
		return err
	}
	return acc.Commit(ctx, uidl.Change{Status: &st})
}

// waitOf is what the ledger says of an account that is not to be fetched now.
func waitOf(i uidl.Info) (paused bool, notBefore time.Time) {
	var facts struct {
		Paused int64 `json:"paused"`
	}
	_ = json.Unmarshal(i.Facts, &facts)
	if i.NextTry != 0 {
		notBefore = time.Unix(i.NextTry, 0)
	}
	return facts.Paused != 0, notBefore
}

// progressOf is what the board shows of a pass that is running.
func progressOf(rep fetcher.Report) control.Progress {
	return control.Progress{Account: rep.Account, Started: rep.Started, Messages: rep.New, Bytes: rep.Bytes}
}
