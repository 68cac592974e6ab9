package fetcher

import (
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Session is what those share who work on one session of a pass: the connection, the listing and the plan.
type Session struct {
	desk    *Desk
	steps   steps.Session
	c       *pop3.Client
	plan    *plan.Plan
	list    plan.Listing // with the names that messages without a unique-id go by
	rows    *plan.Rows   // the ledger's, as of the session's beginning
	clock   uidl.Clock   // as it is after the listing
	started time.Time
	number  int // of the session in its pass
	listed  int // messages in the listing

	fetched map[int]bool      // numbers of messages whose RETR was sent and not refused, for retr_hides
	same    []plan.Entry      // retrieved again, recognised, and due
	twice   map[uidl.Key]bool // messages to delete that were deleted before
	removed map[int]bool      // numbers of messages whose DELE was answered +OK

	cut       bool // the plan was longer than one session may be
	redone    bool // something is deleted that was deleted before
	partial   bool // something was left alone that is to be done
	leftOut   bool // messages that nothing is known of were left out of the listing: see nameless
	noCompare bool // nothing is read to compare it: see forPurpose
}
