package fetcher

import (
	"sync/atomic"
	"time"

	"github.com/popsync/popsync/fetcher/identity"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/uidl"
)

// pass is one walk over one account. The reader (Run's goroutine) and the settler share it; what both touch is behind
// mu or in destination.
type pass struct {
	ids   *identity.Destinations
	lost  *rebuild.Rebuilder
	turns steps.Turns
	rec   report.Record
	haul  haul
	*settle.Settler
	a          Account
	o          Options
	ledger     uidl.Ledger
	epoch      epochState
	recognised map[uidl.Key]bool // with elsewhere: messages that were recognised in this pass
	elsewhere  bool              // the account has another mailbox than the rows are of
	watch      floodState

	runs      int   // how many such sessions there were
	shorts    int   // how often a flight ended because a message came short
	suspects  int   // messages that such a session has to read now
	alone     bool  // step was lost in this pass: one command at a time
	waiting   int   // messages that came short and are not read again yet
	ahead     bool  // commands were sent ahead when messages were asked for
	stepLost  bool  // it was found out that step was lost
	confirmed int64 // the account's time, by its clock (Unix seconds)
	expires   bool  // QUIT deletes what was retrieved
	vanishing bool  // see vanishedUnnoted

	share *memory.Share // of the budget for memory, in this session; nil: there is none

	capaWorks bool // a session of this pass has shown that CAPA breaks nothing

	deleted   map[uidl.Key]bool // DELE was answered +OK in this pass
	hasListed atomic.Bool       // a session of this pass has a listing

	free     map[string]int  // of unique-ids whose messages are all compared in this session: a place that none has
	homeless []*uidl.Message // and of those messages: whose places others took

}

func (p *pass) now() time.Time { return p.o.Now() }

// begin counts a new session.
func (p *pass) begin() int {
	p.free, p.homeless = nil, nil
	p.hasListed.Store(true)
	return p.haul.begin()
}

// status is the account's row as it is, with the facts as they are now.
func (p *pass) status() *uidl.Status {
	st := p.L.Info().Status
	st.Facts = p.Health.Encode()
	return &st
}
