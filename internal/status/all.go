package status

import (
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/uidl"
)

// Sources are what is known of accounts, by name.
type Sources struct {
	Summaries map[string]uidl.Summary
	Risks     map[string][]string        // that their configuration accepts
	Blocked   map[string]error           // those that cannot be run
	Troubles  map[string]notify.Incident // that are open
	Working   map[string]bool            // somebody works on them
	Daemon    control.Status
	Running   bool // there is a daemon
}

// ByName has what the ledger remembers of accounts by their names.
func ByName(sums []uidl.Summary) map[string]uidl.Summary {
	known := make(map[string]uidl.Summary, len(sums))
	for _, s := range sums {
		known[s.Name] = s
	}
	return known
}

// All says how accounts are, by name; trouble: only those that need attention.
func All(accounts []string, from Sources, trouble bool, now time.Time) (all []Account) {
	live := map[string]control.Account{}
	for _, acc := range from.Daemon.Accounts {
		live[acc.Account] = acc
	}
	for _, name := range accounts {
		st := Of(name, from.Summaries[name], now)
		st.Risks = from.Risks[name]
		if err := from.Blocked[name]; err != nil {
			st.Class = string(verdict.Config)
			st.Trouble, st.NextStep = exit.Apart(err)
		}
		if i, ok := from.Troubles[name]; ok {
			st.TroubleSince, st.Alarmed = i.Since, i.Told
		}
		if l, ok := live[name]; ok {
			st.Join(l)
		}
		st.Settle(from.Running && !st.Daemon, from.Working[name], now)
		if !trouble || st.NeedsAttention() {
			all = append(all, st)
		}
	}
	slices.SortFunc(all, func(x, y Account) int { return strings.Compare(x.Account, y.Account) })
	return all
}
