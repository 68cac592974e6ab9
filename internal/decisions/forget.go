package decisions

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Forgetting is what there is to forget of an account, and how that is done.
type Forgetting struct {
	File       string // the configuration
	StateDir   string
	Alarms     string // where it is remembered which incidents are open
	Names      *names.Configured
	Configured []string // the accounts that are
	Yes, Drop  bool     // see popsync help forget
	// Ledger opens the ledger as it is.
	Ledger func(context.Context) (uidl.Ledger, error)
	// Logins removes its tokens of OAuth, and says how many logins those were.
	Logins func(account string) (int, error)
	// Folder opens the folder where copies for a remote destination wait.
	Folder func(identity string) (*spool.Folder, error)
}

// Forget forgets all about an account that is not configured any more.
func (desk *Desk) Forget(ctx context.Context, name string, f Forgetting) error {
	if slices.Contains(f.Configured, name) {
		return exit.Errorf(exit.Usage, "%s is configured: remove it from %s first, or say popsync pause %[1]s to leave it alone", name, f.File)
	}
	if !desk.HasLedger {
		return exit.Errorf(exit.Usage, "there is no ledger in %s yet: nothing is known of %s", f.StateDir, name)
	}
	ledger, err := f.Ledger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	if err := f.allows(ctx, ledger, name); err != nil {
		return err
	}
	if err := desk.notInDaemon(ctx, name); err != nil {
		return err
	}
	if !f.Yes {
		again := "forget --yes " + name
		if f.Drop {
			again = "forget --yes --drop-waiting " + name
		}
		question := fmt.Sprintf("Forget all that popsync knows of %s? That cannot be taken back, but by restoring a backup.", name)
		if ok, err := desk.Confirm(ctx, question, again); !ok {
			return err
		}
	}
	l, err := ledger.Acquire(ctx, name)
	if err != nil {
		return unlessBusy(name, err)
	}
	defer l.Close()
	return desk.forgetAccount(ctx, l, f)
}

// forgetAccount forgets an account whose lease is held. The ledger comes first: copies that it still names must not go.
func (desk *Desk) forgetAccount(ctx context.Context, l uidl.Account, how Forgetting) error {
	name := l.Info().Name
	pending, err := l.Pending(ctx)
	if err != nil {
		return exit.Judged(err)
	}
	waiting := slices.DeleteFunc(pending, func(d uidl.Delivery) bool { return d.State == uidl.Owed }) // of those there is no copy
	if len(waiting) > 0 && !how.Drop {
		flags := "--drop-waiting"
		if how.Yes || !terminal.Is(desk.In) { // nobody could answer
			flags = "--yes " + flags
		}
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: %s: nothing was forgotten", name, waitingText(waiting)),
			fmt.Sprintf("configure %s again until they are delivered; or, to lose them, say: popsync forget %[2]s %[1]s", name, flags)))
	}
	known, err := l.Destinations(ctx)
	if err != nil {
		return exit.Judged(err)
	}
	rows := 0
	for _, err := range l.Messages(ctx) {
		if err != nil {
			return exit.Judged(err)
		}
		rows++
	}
	folders, warnings := how.spools(known)
	if err := l.Forget(ctx); err != nil {
		for _, f := range folders {
			f.Close()
		}
		return exit.Judged(err)
	}
	desk.Tell("%s: forgotten, with what was known of %s", name, words.Number(rows, "message"))
	if len(waiting) > 0 {
		desk.Tell("%s: dropped %s that waited", name, words.Number(len(waiting), "delivery"))
	}
	if n, err := how.Logins(name); err != nil {
		warnings = append(warnings, exit.Text(err))
	} else if n > 0 {
		desk.Tell("%s: removed %s by OAuth; the provider was not told: take the access back in the account's settings there", name, words.Number(n, "login"))
	}
	for _, f := range folders {
		left, err := f.Remove()
		if err != nil {
			warnings = append(warnings, exit.Text(err))
		} else if left > 0 {
			desk.Tell("%s: %s left in %s: popsync had put them aside for a person to look at", name, words.Number(left, "file"), f.Place())
		}
		f.Close()
	}
	if err := alarms.Forget(how.Alarms, name); err != nil {
		warnings = append(warnings, exit.Text(err))
	}
	for _, w := range warnings {
		fmt.Fprintf(desk.Err, "popsync: %s: not all of its files could be removed: %s\n", name, words.Clip(w))
	}
	desk.Tell("if it comes back, all that its server lists is new; but if a Maildir that it delivered to is there, what is found in it counts as delivered, and the rest is held back until you say popsync accept or popsync baseline")
	if len(warnings) > 0 {
		return exit.With(exit.Config, exit.ErrReported)
	}
	return nil
}

// allows refuses accounts that the ledger does not know, and those that are configured under another name or elsewhere.
func (f Forgetting) allows(ctx context.Context, ledger uidl.Ledger, name string) error {
	infos, err := ledger.Accounts(ctx)
	if err != nil {
		return exit.Judged(err)
	}
	i := slices.IndexFunc(infos, func(i uidl.Info) bool { return i.Name == name })
	if i < 0 && leaseLeft(f.StateDir, name) {
		return nil
	} else if i < 0 {
		return exit.Errorf(exit.Usage, "the ledger knows no account %q; not configured any more are: %s", name, orNone(f.others(infos)))
	}
	if file := f.Names.Other(infos[i]); file != "" {
		return exit.With(exit.Usage, nextstep.With(fmt.Errorf("%s belongs to another configuration, %s", name, file),
			"remove it there first; then say this with --config and that file"))
	}
	moves, _, err := f.Names.Moves(ctx, ledger)
	if err != nil {
		return exit.Judged(err)
	}
	for _, m := range moves {
		if m.From == name && f.Names.Has(m.To) {
			return exit.Errorf(exit.Usage, "%s is configured, under the name %s: the next run gives what is known of it that name", name, m.To)
		}
	}
	return nil
}

// leaseLeft tells of an account that the ledger does not know whether something of it is left beside the ledger all the same:
// it was only looked at, or forgetting it was cut short.
func leaseLeft(stateDir, name string) bool {
	if name == "" || strings.ContainsRune(name, '/') {
		return false
	}
	_, err := os.Lstat(filepath.Join(stateDir, "lease", name+".lock"))
	return err == nil
}

// All are the accounts that can be forgotten, as far as that can be found out.
func (f Forgetting) All(ctx context.Context) []string {
	ledger, err := f.Ledger(ctx)
	if err != nil {
		return nil
	}
	defer ledger.Close()
	infos, err := ledger.Accounts(ctx)
	if err != nil {
		return nil
	}
	return f.others(infos)
}

// others are the accounts of the ledger that are in no configuration.
func (f Forgetting) others(infos []uidl.Info) (names []string) {
	for _, i := range infos {
		if !slices.Contains(f.Configured, i.Name) && f.Names.Other(i) == "" {
			names = append(names, i.Name)
		}
	}
	return names
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// notInDaemon refuses an account that a running daemon still has: its next pass would begin anew, and fetch all mail.
func (desk *Desk) notInDaemon(ctx context.Context, name string) error {
	_, st, err := desk.Daemon(ctx)
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		return nil
	case err != nil:
		return exit.With(exit.Temp, err)
	}
	for _, acc := range st.Accounts {
		if acc.Account == name {
			return exit.With(exit.Temp, nextstep.With(fmt.Errorf("the running daemon (pid %d) still has the account %s", st.PID, name),
				fmt.Sprintf("make it read its configuration again: kill -HUP %d; then say this again", st.PID)))
		}
	}
	return nil
}

// waitingText counts deliveries that wait, by destination.
func waitingText(waiting []uidl.Delivery) string {
	n := map[string]int{}
	var names []string
	for _, d := range waiting {
		if n[d.Destination]++; n[d.Destination] == 1 {
			names = append(names, d.Destination)
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("%s for %s", words.Plural(len(waiting), "1 delivery waits", fmt.Sprintf("%d deliveries wait", len(waiting))), words.Few(names))
}

// spools opens the folders where copies for remote destinations wait. A folder that is not there is none.
func (f Forgetting) spools(known []uidl.Destination) (folders []*spool.Folder, warnings []string) {
	for _, d := range known {
		if !deliver.IsRemoteIdentity(d.Identity) {
			continue
		}
		folder, err := f.Folder(d.Identity)
		switch {
		case err == nil:
			folders = append(folders, folder)
		case !errors.Is(err, fs.ErrNotExist):
			warnings = append(warnings, exit.Text(err))
		}
	}
	return folders, warnings
}
