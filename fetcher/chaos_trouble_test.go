package fetcher

import (
	"fmt"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// trouble is what goes wrong in one pass.
type trouble struct {
	conn     int // which connection the plan is for
	plan     fault.Plan
	reset    bool
	buffered bool

	command int    // the command that gets this answer
	answer  string // "": none at all
	close   bool
	cancel  int // the command at which popsync is told to stop

	refuse map[byte]bool // RETRs that are refused, by the last digit of the message's number
	vanish int           // the RETR at which the message turns out to be gone
	panics int           // the body before which popsync panics
	life   life
	ledger chaosLedger
	target chaosTarget // how a destination fails
	which  int         // the one that does

	wire *badWire // replies that go wrong; nil: none

	targets []*chaosTarget
	used    map[*pop3test.Session]map[int]bool // see anyOf
}

var targetErrors = []error{
	&deliver.Error{Op: "create", Place: "here", Scope: deliver.WholeTarget, Full: true, Err: settle.ErrNoSpace},
	&deliver.Error{Op: "create", Place: "here", Scope: deliver.WholeTarget, Permanent: true},
	&deliver.Error{Op: "write", Place: "here", Scope: deliver.ThisMessage},
	&deliver.Error{Op: "write", Place: "here", Scope: deliver.ThisMessage, Permanent: true},
	&deliver.Error{Op: "send", Place: "here", Scope: deliver.ThisMessage, Envelope: true},
	&deliver.Error{Op: "send", Place: "here", Scope: deliver.ThisMessage, Envelope: true, Permanent: true},
	&deliver.Error{Op: "publish", Place: "here", Scope: deliver.WholeTarget, Permanent: true, Untouched: true},
	nil,
}

var answers = []string{"-ERR no\r\n", "-ERR [SYS/TEMP] later\r\n", "* BAD\r\n", "\x00\xff\x1b[2J\r\n", "", "-ERR [IN-USE] wait\r\n"}

// draw chooses what goes wrong: mostly one thing, seldom several.
func (w *world) draw() *trouble {
	d := w.d
	tr := &trouble{buffered: d.one(2), vanish: -1}
	for more := true; more; more = d.one(4) {
		switch d.n(12) {
		case 1, 2:
			tr.conn = d.n(2)
			tr.plan = fault.Plan{After: int64(d.n(256)*d.n(40) + d.n(200)), Chunk: d.n(3) * 50}
			tr.plan.Kind = []fault.Kind{fault.Close, fault.Close, fault.Stall}[d.n(3)]
			tr.reset = d.one(3)
		case 3:
			tr.command, tr.answer, tr.close = 1+d.n(40), answers[d.n(len(answers))], d.one(3)
		case 4:
			tr.cancel = 1 + d.n(40)
		case 5:
			tr.refuse = map[byte]bool{'0' + byte(d.n(10)): true, '0' + byte(d.n(10)): true}
		case 6:
			tr.vanish = d.n(8)
		case 7:
			tr.panics = 1 + d.n(8)
		case 8, 9:
			tr.life.left, tr.life.after = 1+d.n(100), d.one(2)
			tr.target.n = d.n(4)
		case 10:
			tr.ledger.fault, tr.ledger.applied = 1+d.n(12), d.one(2)
			tr.ledger.err = uidltest.ErrInjected
			if !tr.ledger.applied && d.one(4) {
				tr.ledger.err = []error{uidl.ErrLocked, uidl.ErrLeaseLost}[d.n(2)]
			}
		case 11:
			tr.which = d.n(len(w.slots))
			tr.target.op, tr.target.at, tr.target.n = 1+d.n(ops-1), 1+d.n(5), d.n(5)
			if tr.target.err = targetErrors[d.n(len(targetErrors))]; isUntouched(tr.target.err) {
				tr.target.op = opPublish
			}
		}
	}
	tr.wire = w.drawWire()
	return tr
}

func isUntouched(err error) bool {
	e, ok := err.(*deliver.Error)
	return ok && e != nil && e.Untouched
}

// hit is the step that a destination failed in; opNone: none did.
func (tr *trouble) hit() (op int, err error) {
	for _, c := range tr.targets {
		if c.hit {
			return c.op, c.err
		}
	}
	return opNone, nil
}

func (tr *trouble) String() string {
	var s []string
	add := func(on bool, format string, args ...any) {
		if on {
			s = append(s, fmt.Sprintf(format, args...))
		}
	}
	add(tr.plan.Kind != fault.None, "connection %d: kind %d after %d octets", tr.conn, tr.plan.Kind, tr.plan.After)
	add(tr.command > 0, "command %d is answered %q, close %v", tr.command, tr.answer, tr.close)
	add(tr.wire != nil, "%v", tr.wire)
	add(tr.cancel > 0, "cancelled at command %d", tr.cancel)
	add(tr.refuse != nil, "RETR refused for %v", tr.refuse)
	add(tr.vanish >= 0, "RETR %d finds nothing", tr.vanish)
	add(tr.panics > 0, "panics at body %d", tr.panics)
	add(tr.life.left > 0, "dies at step %d, after it %v", tr.life.left, tr.life.after)
	add(tr.ledger.fault > 0, "commit %d fails, applied %v: %v", tr.ledger.fault, tr.ledger.applied, tr.ledger.err)
	add(tr.target.op != opNone, "destination %d fails at step %d, time %d, after %d: %v", tr.which, tr.target.op, tr.target.at, tr.target.n, tr.target.err)
	return strings.Join(s, "; ")
}
