package names

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
)

// remembered is an account of the ledger, as renaming looks at it.
type remembered struct {
	name, mailbox string // mailbox "": nobody knows whose it is
	listings      int64
	other         bool // it belongs to another configuration
}

// wanted is an account of the configuration.
type wanted struct{ name, mailbox string }

// renamings follows accounts that were renamed in the configuration: under a new name all mail of a mailbox would look
// new. An account of the ledger is the same as one of the configuration when both are of one mailbox, and no other of
// either is that has not its name already. Where several could be meant nothing is done.
//
// What the ledger has under a name that another mailbox gets, or has in the configuration, is moved aside, to be found
// again by its mailbox; but not where that mailbox is configured nowhere and the name gets nothing: there the account has
// been given another mailbox under its old name. What belongs to another configuration stays as it is. aside makes a name
// that nothing has, of one that was.
func renamings(ledger []remembered, configured []wanted, aside func(was string) string) (moves []uidl.Renaming) {
	at := map[string]remembered{}
	for _, r := range ledger {
		at[r.name] = r
	}
	mailboxes := map[string]string{}
	for _, c := range configured {
		mailboxes[c.name] = c.mailbox
	}
	fresh := map[string][]string{} // names that have no memory of their mailbox
	for _, c := range configured {
		if at[c.name].mailbox != c.mailbox {
			fresh[c.mailbox] = append(fresh[c.mailbox], c.name)
		}
	}
	stray := map[string][]string{} // names whose memory the configuration has under another name or not at all
	for _, r := range ledger {
		if !r.other && r.mailbox != "" && mailboxes[r.name] != r.mailbox {
			stray[r.mailbox] = append(stray[r.mailbox], r.name)
		}
	}
	to := map[string]string{} // from the old name
	for mailbox, names := range fresh {
		if len(names) == 1 && len(stray[mailbox]) == 1 {
			to[stray[mailbox][0]] = names[0]
		}
	}
	// A name that cannot be made free is not given away, and then the one that should get it is in its place too.
	for again := true; again; {
		again = false
		for from, name := range to {
			r, taken := at[name]
			_, goes := to[name]
			if taken && !goes && (r.other || r.mailbox == "" && r.listings > 0) {
				delete(to, from)
				again = true
			}
		}
	}
	target := map[string]bool{}
	for _, name := range to {
		target[name] = true
	}
	for _, r := range ledger {
		if _, goes := to[r.name]; goes || r.mailbox == "" || r.other {
			continue
		}
		_, named := mailboxes[r.name]
		if target[r.name] || named && mailboxes[r.name] != r.mailbox && len(fresh[r.mailbox]) > 0 {
			to[r.name] = aside(r.name)
		}
	}
	for _, from := range slices.Sorted(maps.Keys(to)) {
		moves = append(moves, uidl.Renaming{From: from, To: to[from], Facts: health.WithPause})
	}
	return moves
}

// asideName makes names that no account has, in the ledger or in the configuration.
func asideName(taken map[string]bool) func(string) string {
	return func(was string) string {
		for {
			name := was[:min(len(was), 64-len("-was-")-6)] + "-was-" + strings.ToLower(rand.Text()[:6])
			if !taken[name] {
				taken[name] = true
				return name
			}
		}
	}
}
