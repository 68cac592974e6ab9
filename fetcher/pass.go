package fetcher

import (
	"github.com/popsync/popsync/fetcher/identity"
	"github.com/popsync/popsync/uidl"
)

// pass is one walk over one account.
type pass struct {
	desk    *Desk
	ids     *identity.Destinations
	ledger  uidl.Ledger
	mailbox *Mailbox
	shorts  *Shorts
	closing *closing

	capaWorks bool // a session of this pass has shown that CAPA breaks nothing
}

// begin counts a new session.
func (p *pass) begin() int {
	p.desk.hasListed.Store(true)
	return p.desk.haul.begin()
}
