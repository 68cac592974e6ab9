package desk

import (
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3"
)

// Account is one mailbox and what to do with it. Run does not change it.
type Account struct {
	Name         string       // as configured; [a-z0-9._-]{1,64}
	Server       pop3.Options // where and how to connect
	Login        pop3.Login   // asked for the secret at each login
	Policy       plan.Policy
	Destinations []settle.Destination // at least one, with different names
	RetrHides    bool                 // server hides what was RETRieved once QUIT arrives (Gmail): see Providers
	NeverDelete  bool                 // no DELE on this login whatever the policy says (Gmail's recent:)
	// MinInterval is the least time between two logins that the provider is known to want; 0: what the server announces.
	MinInterval time.Duration
	// LoginHint is what a person must do at this provider for a login to work; "": the general advice.
	LoginHint string
	// Setting is an opaque identity of all that decides whether a login can work, the secret's source included and its
	// value not: when it changes, what is remembered of refused logins is forgotten. "": it is never taken for changed.
	Setting string
	// Mailbox is an opaque identity of the mailbox: host, port and user. When it changes, unique-ids that are known may be
	// those of other messages, and every one of them is recognised anew. "": it is never taken for changed.
	Mailbox string
	// Owner is an opaque identity of the configuration that the account stands in; stored, so that two configurations with
	// one ledger are told apart: see OwnerOf. "": it is not known.
	Owner string
	// Spool opens what waits for a remote destination that is not configured any more, by its identity; nil: nothing can.
	Spool func(identity string) (settle.Leftover, error)
	// DeleteQuarantined deletes what only the fallback took as soon as the policy says so, not after 7 days.
	DeleteQuarantined bool
	// IgnoreSizes: the sizes that the server lists are no evidence of anything, whatever was learned of them.
	IgnoreSizes bool
}
