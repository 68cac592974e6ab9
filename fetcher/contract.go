package fetcher

import (
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/identity"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// A pass ends in a Report, which speaks in verdicts.
type (
	Report  = report.Report
	Step    = report.Step
	Verdict = verdict.Verdict
	Class   = verdict.Class
)

// An Account has a policy.
type (
	Policy = plan.Policy
	Delete = plan.Delete
)

// What policy says of messages that are durable at every destination. The zero value keeps everything.
const (
	DeleteNever         = plan.DeleteNever
	DeleteAfterDelivery = plan.DeleteAfterDelivery
	DeleteAfterAge      = plan.DeleteAfterAge
)

// The classes of verdict, for whoever reads Reports.
const (
	OK        = verdict.OK
	Temporary = verdict.Temporary
	Login     = verdict.Login
	Config    = verdict.Config
	Internal  = verdict.Internal
)

// Judge tells what an error of a pass means, for commands that look at a server without making one.
func Judge(err error) Verdict { return verdict.Of(err) }

// Worse tells whether a outranks b when accounts differ: 78, 70, 77, 75, 0 in this order.
func Worse(a, b Class) bool { return verdict.Worse(a, b) }

// What is remembered of servers and accounts.
type (
	State       = health.State
	Outage      = health.Outage
	Short       = health.Short
	Trait       = health.Trait
	Spoken      = health.Spoken
	LeftAlone   = health.LeftAlone
	Resting     = health.Resting
	Missed      = health.Missed
	Without     = health.Without
	Flood       = health.Flood
	Provider    = health.Provider
	Unmarked    = operator.Unmarked
	NoUndoError = operator.NoUndoError
)

var (
	Standing     = health.Standing
	Pause        = health.Pause
	WithPause    = health.WithPause
	OwnerOf      = health.OwnerOf
	Wake         = health.Wake
	Learned      = health.Learned
	MailboxOf    = health.MailboxOf
	VerifyMode   = health.VerifyMode
	InVerifyMode = health.InVerifyMode
	PausedNote   = health.PausedNote
	ProviderOf   = health.ProviderOf
	Accept       = operator.Accept
	UndoBaseline = operator.UndoBaseline
	Retry        = operator.Retry
	DueAt        = operator.DueAt
	Adopt        = operator.Adopt
	Backfill     = operator.Backfill
	Vouch        = operator.Vouch
	AwayText     = identity.AwayText
)

// Destination is one place that every message of the account goes to. Run closes its Target. Leftover is the staging place of
// a remote destination that is not configured any more.
type (
	Destination = settle.Destination
	Leftover    = settle.Leftover
)
