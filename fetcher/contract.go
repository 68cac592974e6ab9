package fetcher

import (
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
)

// A pass ends in a Report.
type (
	Report = report.Report
	Step   = report.Step
	Steps  = report.Steps
)

// Account is one mailbox and what to do with it; Options are the same for all accounts.
type (
	Account = desk.Account
	Options = desk.Options
)

// An Account has a policy.
type (
	Policy = plan.Policy
	Delete = plan.Delete
	First  = plan.First
)

// What policy says of messages that are durable at every destination. The zero value keeps everything.
const (
	DeleteNever         = plan.DeleteNever
	DeleteAfterDelivery = plan.DeleteAfterDelivery
	DeleteAfterAge      = plan.DeleteAfterAge
)

// Destination is one place that every message of the account goes to. Run closes its Target. Leftover is the staging place of
// a remote destination that is not configured any more.
type (
	Destination = settle.Destination
	Leftover    = settle.Leftover
)
