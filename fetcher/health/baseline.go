package health

import "time"

// Baselined is what is remembered of the last baseline; stored with the account.
type Baselined struct {
	Mark   int64 `json:"mark"`   // of what was new
	At     int64 `json:"at"`     // Unix seconds
	Marked int   `json:"marked"` // messages
	// Imported: it marked what another fetcher remembers.
	Imported bool  `json:"imported,omitempty"`
	Fetched  int64 `json:"fetched,omitempty"` // when a pass began to fetch after it; 0: none has yet (Unix seconds)
	// As they were before.
	Verify    bool   `json:"verify,omitempty"`
	LostAt    int64  `json:"lost_at,omitempty"`
	RenewedAt int64  `json:"renewed_at,omitempty"`
	Flood     *Flood `json:"flood,omitempty"`
	Backlog   int    `json:"backlog,omitempty"`
	Accepted  int64  `json:"accepted,omitempty"`
	// First: no person said so, a policy left it out when the mailbox was first seen. It ended nothing, and can be taken back whatever
	// was fetched since.
	First bool `json:"first,omitempty"`
}

// FirstFetch is what is remembered of the first sight of a mailbox of which not all is wanted; stored with the account.
type FirstFetch struct {
	At      int64  `json:"at"`                // Unix seconds
	Mailbox string `json:"mailbox,omitempty"` // the Account.Mailbox
	Last    int    `json:"last,omitempty"`    // of the policy then
	// Before are those that may be left out, and are not all dealt with: see plan.Before. nil: it is over.
	Before []byte `json:"before,omitempty"`
}

// EndFirst notes that all are dealt with, or that the rest is not to be: what is listed and not known is new.
func (f *Facts) EndFirst() {
	if f.First != nil && f.First.Before != nil {
		f.First = &FirstFetch{At: f.First.At, Mailbox: f.First.Mailbox, Last: f.First.Last}
	}
}

// LeftOut is how many messages were left out when the mailbox was first seen, if that was of late and was not taken back.
func (s State) LeftOut(now time.Time) int {
	b := s.facts.Baselined
	if b == nil || !b.First || now.Sub(time.Unix(b.At, 0)) > leftOutTold {
		return 0
	}
	return b.Marked
}

// leftOutTold is for how long status tells of them.
const leftOutTold = 30 * 24 * time.Hour

// OnlyMarked tells that a baseline or an import marked what the mailbox has, and that no pass has fetched anything since.
func (s State) OnlyMarked() bool {
	b := s.facts.Baselined
	return b != nil && !b.First && b.Fetched == 0
}
