// Package steps is about steps with known mail (TOP, DELE, RETR to compare) that break sessions: what the sessions of a pass are
// for (Turns), so that new mail comes first whatever is wrong with old mail, and what became of such steps in one of them
// (Session). Which message is to blame, or that it is the server, is charged to what health remembers. It sends NOOP where that
// tells, and nothing else.
package steps

import (
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Session is what became of steps about known mail (TOP, DELE, RETR to compare) in a session.
type Session struct {
	Turns   *Turns
	Account *health.Account
	C       *pop3.Client
	List    plan.Listing // with the names that messages without a unique-id go by
	Brought func() bool  // whether the session got on
	Own     []error      // with which we end a session ourselves

	Behind  *lastStep        // what was answered last, if the server may have closed then
	Done    int              // about known mail that went well
	stepsOf stepCounts       // by message
	went    map[string]int   // by verb
	Sore    map[int]uidl.Key // see marked
	NoTop   bool             // the server refused TOP again and again
	Naming  bool             // headers are asked for because there are no unique-ids
}
