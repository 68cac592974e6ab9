package fetcher

import (
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// turns is what the sessions of a pass are for, and what broke them.
type turns struct {
	account *health.Account
	rec     *report.Record
	dryRun  bool

	suspecting bool              // this session is for those, and for others that came short before
	purpose    health.Purpose    // of this session: see purpose.go
	stumble    *stumble          // what broke the last session, not charged yet
	stumbles   int               // sessions that steps about known mail broke
	load       []int             // about how many known messages the next sessions may be, the last number for all; none: any
	fetchedNew bool              // a session has fetched all new mail
	closing    bool              // after such sessions, one is for everything again
	retried    bool              // one was for what broke sessions before
	charged    map[uidl.Key]bool // messages that broke a session of this pass
	retry      []uidl.Key        // of those that broke one before, and may be tried again: where something is to be done
}
