package settle

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// bare is a settler with one destination and no pass around it.
func bare(l uidl.Account, d *Place, open map[uidl.Key]*OpenMessage, set *facts.Set) *Settler {
	return &Settler{L: l, Obs: deaf{}, Log: zap.NewNop(), Places: []*Place{d}, Open: open, Set: set,
		Quarantined: map[uidl.Key]bool{}, Withheld: map[uidl.Key]bool{},
		Health: &health.Account{Config: health.Config{Now: time.Now}}, Config: Config{Clock: time.Now}}
}

// deaf is a witness who hears nothing.
type deaf struct{}

func (deaf) Reason(string)                          {}
func (deaf) Mention(string)                         {}
func (deaf) Worst(verdict.Verdict)                  {}
func (deaf) Refetched()                             {}
func (deaf) Quarantined()                           {}
func (deaf) Waived()                                {}
func (deaf) FailedAt(uidl.Key, string, bool, bool)  {}
func (deaf) Untaken(*uidl.Change, *Received, error) {}
func (deaf) Committed(context.Context)              {}
func (deaf) Secured(*Received)                      {}
func (deaf) Delivered(*Received)                    {}
func (deaf) Settled()                               {}
func (deaf) Recovered(uidl.Delivery, bool, bool)    {}
