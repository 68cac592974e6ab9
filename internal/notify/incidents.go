package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/safepath"
)

// Incident is an open one, for status.
type Incident struct {
	Account string
	About   string    // "trouble" with the account, "parked" messages, those "skipped" for their size, or what is "ending"
	Since   time.Time // when it began
	Person  bool      // somebody must act
	Cause   string    // as of the last outcome, like the next three
	What    string
	Next    string // what a person should do; may be ""
	Parked  int    // messages parked
	Failed  int    // passes that failed
	Told    bool   // at least one channel has taken a notice of it
}

// Incidents lists what is open, by account. It only reads; what is not readable is left out.
func (n *Notifier) Incidents() (list []Incident) {
	n.mu.Lock()
	defer n.mu.Unlock()
	names, _ := n.known()
	dir, derr := safepath.Dir(n.dir)
	if derr == nil {
		defer dir.Close()
	}
	for _, name := range names {
		for g := range groups {
			r, err := (*record)(nil), derr
			if derr == nil {
				r, err = n.read(dir, name, g)
			}
			if a := n.accounts[name]; a != nil && (err != nil || a.sending || a.groups[g].unsaved) {
				r, err = a.groups[g].record, nil
			}
			if err == nil && r.open() {
				list = append(list, r.incident())
			}
		}
	}
	return list
}

func (r *record) incident() Incident {
	i := Incident{
		Account: r.Account, About: r.Group, Since: r.Since, Person: r.Person, Cause: r.Cause, What: r.What, Next: r.Next,
		Parked: r.Parked, Failed: r.Failures,
	}
	for _, q := range r.Queue {
		for _, t := range q.To {
			i.Told = i.Told || q.Incident == r.ID && t.State == sent
		}
	}
	return i
}

// Forget drops the incidents of an account without telling anybody: it was removed from the configuration.
func (n *Notifier) Forget(account string) error {
	if err := checkName(account); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.accounts[account]; a != nil {
		a.gone = true
		delete(n.accounts, account)
	}
	return n.removeAll(account)
}

func (n *Notifier) removeAll(account string) error {
	var errs []error
	for g := range groups {
		errs = append(errs, n.remove(n.path(account, g)), n.removeDamaged(fileName(account, g)))
	}
	return errors.Join(distinct(errs)...)
}

// Rename gives the incidents of accounts to others, all at once: names may be swapped. to is by the old name; "" drops what
// the account has. What an account that is named only as a new name had is dropped as well.
func (n *Notifier) Rename(to map[string]string) error {
	target := map[string]bool{}
	for from, name := range to {
		if err := checkName(from); err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if err := checkName(name); err != nil {
			return err
		}
		if target[name] {
			return fmt.Errorf("two accounts cannot both become %s", name)
		}
		target[name] = true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var errs []error
	moving := map[string]*account{} // by the old name
	for _, from := range slices.Sorted(maps.Keys(to)) {
		moving[from] = n.account(from)
		errs = append(errs, n.refresh(moving[from])...)
	}
	for from := range moving {
		delete(n.accounts, from)
	}
	for name := range target {
		if old := n.accounts[name]; old != nil {
			old.gone = true
			delete(n.accounts, name)
		}
	}
	for from, a := range moving {
		if to[from] == "" {
			a.gone = true
			continue
		}
		a.take(to[from])
		n.accounts[a.name] = a
	}
	saved := true
	for _, from := range slices.Sorted(maps.Keys(to)) {
		if a := moving[from]; !a.gone {
			if err := n.save(a); err != nil {
				errs, saved = append(errs, err), false
			} else {
				n.tidy(a)
			}
		}
	}
	for from := range to {
		if saved && !target[from] { // else memory has it; the files of the old names stay
			errs = append(errs, n.removeAll(from))
		}
	}
	return errors.Join(errs...)
}

// take gives an account and all that is to be told of it another name.
func (a *account) take(name string) {
	a.name = name
	for g := range groups {
		s := &a.groups[g]
		s.unsaved = true
		if s.record == nil {
			continue
		}
		s.Account = name
		for _, q := range s.Queue {
			q.Notice.Account = name
		}
	}
}

// known lists the accounts that have incidents or had, in order.
func (n *Notifier) known() ([]string, error) {
	names := map[string]bool{}
	for name := range n.accounts {
		names[name] = true
	}
	dir, err := safepath.Dir(n.dir)
	var list []string
	if err == nil {
		list, err = safepath.NamesAt(dir)
		dir.Close()
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, file := range list {
		base, ok := strings.CutSuffix(file, ".json")
		group, name, _ := strings.Cut(base, "-")
		if ok && slices.Contains(groupNames[:], group) && checkName(name) == nil {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), err
}

// checkName refuses what is no account's name. All others are safe in a file's name behind that of a group.
func checkName(account string) error {
	if account == "" || len(account) > 64 || strings.Trim(account, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return fmt.Errorf("%+.80q is no account's name", account)
	}
	return nil
}
