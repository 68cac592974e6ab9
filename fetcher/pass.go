package fetcher

import (
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/identity"
	"github.com/popsync/popsync/fetcher/reading"
	"github.com/popsync/popsync/fetcher/recognise"
	"github.com/popsync/popsync/uidl"
)

// pass is one walk over one account.
type pass struct {
	desk    *desk.Desk
	ids     *identity.Destinations
	ledger  uidl.Ledger
	mailbox *recognise.Mailbox
	shorts  *reading.Shorts
	closing *closing

	capaWorks bool // a session of this pass has shown that CAPA breaks nothing
}

// begin counts a new session.
func (p *pass) begin() int {
	p.desk.HasListed.Store(true)
	return p.desk.Haul.Begin()
}
