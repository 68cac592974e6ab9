package fetcher

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
	"github.com/popsync/popsync/uidl/uidltest"
)

// common is what the accounts of a history share.
type common struct {
	t        *testing.T
	d        *dice
	wired    *dice // for faults of the wire
	sores    *dice // for messages that break the session
	keys     *dice // for what policy excepts
	m        models
	root     string
	offset   time.Duration // of the clock, as it should be
	skew     time.Duration // by which it is wrong
	ledger   uidl.Ledger
	place    *uidltest.Memory // of the ledger; nil: it is in SQLite
	saves    []save
	quiet    bool // the faults are over
	passes   int
	broken   bool                             // a promise was
	log      []string                         // what happened, for a failure
	complain func(format string, args ...any) // nil: the test fails
}

// world is an account: a mailbox on a server, its destinations with their readers; and with others a ledger and a clock.
type world struct {
	*common
	name string // of the account

	server  *pop3test.Server
	serving sync.WaitGroup
	letters []*letter
	groups  map[[32]byte]int // of contents, as a Maildir stores them and as they come: letters with one content are one group
	noUIDL  bool
	noTOP   bool // of this pass; of all where there is no UIDL
	hasTOP  bool // always
	format  int  // of unique-ids
	mailbox int  // which
	sore    sore

	layout
	acc Account
	opt Options

	orphans map[string]bool // files in tmp that a death or a failed commit left there
	snap                    // of the ledger
	clocks  []int64         // of the passes that were made
	risks
}

func (c *common) logf(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *common) fail(format string, args ...any) {
	c.t.Helper()
	if c.complain != nil {
		c.broken = true
		c.complain(format, args...)
		return
	}
	if c.broken {
		c.t.Errorf(format, args...) // how it came to this was told
		return
	}
	c.broken = true
	c.t.Errorf("%s\n\t%s", fmt.Sprintf(format, args...), strings.Join(c.log, "\n\t"))
}

func (c *common) now() time.Time { return time.Now().Add(c.offset + c.skew) }

// newWorld draws a world.
func newWorld(c *common, name string) *world {
	d := c.d
	w := &world{common: c, name: name, orphans: map[string]bool{}, groups: map[[32]byte]int{}, risks: newRisks()}
	w.server = pop3test.NewServer(pop3test.Options{})
	w.acc = Account{
		Server: pop3.Options{Host: "test", TLS: pop3.NoTLS},
		Login:  pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }},
	}
	w.acc.Mailbox = name + "0"
	w.opt = Options{Now: w.now, FreeFloor: -1, BatchMessages: 1 + d.n(5), SessionMessages: 3 + d.n(7), BatchBytes: 4000}
	switch d.n(4) {
	case 1, 2:
		w.acc.Policy.Delete = plan.DeleteAfterDelivery
	case 3:
		w.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: time.Duration(1+d.n(60)) * time.Hour}
	}
	if d.one(4) && !w.m.uids && !w.m.accounts {
		w.acc.Policy.Limit = 1 + d.n(4) // what waits for its turn for a month has no trace of a former unique-id left
	}
	if w.noUIDL = d.one(6); w.noUIDL {
		w.noTOP = d.one(3) // for good: TOP gives the names there
	}
	w.acc.RetrHides = d.one(6) && !w.noUIDL
	if max := d.one(5); max && !w.acc.RetrHides {
		w.acc.Policy.MaxSize = 1500
	}
	w.drawExceptions()
	w.hasTOP = w.m.uids && !w.noUIDL && d.one(2)
	w.furnish()
	w.logf("account %s: the policy is %+v, sessions of %d messages, batches of %d; UIDL %v, RETR hides %v, ledger in memory %v, models %+v, destinations %s",
		name, w.acc.Policy, w.opt.SessionMessages, w.opt.BatchMessages, !w.noUIDL, w.acc.RetrHides, w.place != nil, w.m, w.layout.String())
	w.add(2 + d.n(9))
	return w
}

func (c *common) stateDir() string { return filepath.Join(c.root, "state") }

func (c *common) reopen() {
	c.closeLedger()
	if c.place != nil {
		c.ledger = c.place.Open()
		return
	}
	l, err := sqlite.Open(context.Background(), sqlite.Options{Dir: c.stateDir()})
	if err != nil {
		c.t.Fatal(err)
	}
	c.ledger = l
}

func (c *common) closeLedger() {
	if c.ledger != nil {
		if err := c.ledger.Close(); err != nil {
			c.t.Fatal(err)
		}
		c.ledger = nil
	}
}
