package fetcher

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/popsync/popsync/deliver"
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
	target chaosTarget
	memory chaosTarget

	used map[*pop3test.Session]map[int]bool // see anyOf
}

var targetErrors = []error{
	&deliver.Error{Op: "create", Place: "here", Scope: deliver.WholeTarget, Full: true, Err: errNoSpace},
	&deliver.Error{Op: "create", Place: "here", Scope: deliver.WholeTarget, Permanent: true},
	&deliver.Error{Op: "write", Place: "here", Scope: deliver.ThisMessage},
	&deliver.Error{Op: "write", Place: "here", Scope: deliver.ThisMessage, Permanent: true},
	&deliver.Error{Op: "send", Place: "here", Scope: deliver.ThisMessage, Envelope: true},
	&deliver.Error{Op: "send", Place: "here", Scope: deliver.ThisMessage, Envelope: true, Permanent: true},
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
			bad := &tr.target
			if w.remote != nil && d.one(2) {
				bad = &tr.memory
			}
			bad.op, bad.at, bad.n = 1+d.n(ops-1), 1+d.n(5), d.n(5)
			bad.err = targetErrors[d.n(len(targetErrors))]
		}
	}
	return tr
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
	add(tr.cancel > 0, "cancelled at command %d", tr.cancel)
	add(tr.refuse != nil, "RETR refused for %v", tr.refuse)
	add(tr.vanish >= 0, "RETR %d finds nothing", tr.vanish)
	add(tr.panics > 0, "panics at body %d", tr.panics)
	add(tr.life.left > 0, "dies at step %d, after it %v", tr.life.left, tr.life.after)
	add(tr.ledger.fault > 0, "commit %d fails, applied %v: %v", tr.ledger.fault, tr.ledger.applied, tr.ledger.err)
	for name, c := range map[string]*chaosTarget{"maildir": &tr.target, "remote": &tr.memory} {
		add(c.op != opNone, "%s fails at step %d, time %d, after %d: %v", name, c.op, c.at, c.n, c.err)
	}
	return strings.Join(s, "; ")
}

// pass makes one pass with its trouble and checks what must hold after every one.
func (w *world) pass(tr *trouble) Report {
	w.passes++
	w.offer()
	w.copies() // everything that is published now is known by its name
	refetches := w.forget()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tr.life.end = cancel
	w.wire(tr, cancel)

	tr.ledger.Ledger, tr.ledger.life = w.ledger, &tr.life
	tr.target.Target, tr.target.life = deliver.OpenMaildir(deliver.MaildirOptions{Path: w.mail(), Host: "h", Now: w.now}), &tr.life
	a := w.acc
	a.Destinations = []Destination{{Name: "maildir", Target: &tr.target}}
	if w.remote != nil {
		tr.memory.Target, tr.memory.life = w.remote.Reopen(), &tr.life
		a.Destinations = append(a.Destinations, Destination{Name: "remote", Target: &tr.memory})
	}
	a.Server.NoPipelining = w.d.one(4)
	a.Server.Dial = w.dial(cut(tr.conn, tr.plan), tr.buffered, tr.plan.Kind == fault.Stall)
	if tr.reset {
		dial := a.Server.Dial
		a.Server.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			return reset{c}, err
		}
	}
	o := w.opt
	bodies := 0
	o.BeforeBody = func(string) {
		if bodies++; bodies == tr.panics {
			panic("injected")
		}
	}
	plan := tr.String()
	rep := Run(ctx, &tr.ledger, a, o)
	w.collect()
	w.logf("pass %d [%s]: listed %d new %d deleted %d failed %d parked %d refetched %d: %s %s %v", w.passes, plan, rep.Listed,
		rep.New, rep.Deleted, rep.Failed, rep.Parked, rep.Refetched, rep.Verdict.Class, rep.Verdict.Message,
		rep.Reasons)
	w.after(tr, rep, refetches)
	return rep
}

// wire sets the server's habits and its part of the trouble.
func (w *world) wire(tr *trouble, cancel func()) {
	if !w.noUIDL {
		w.noTOP = !w.quiet && w.d.one(4)
	}
	noCAPA, noPipelining, keeps := w.d.one(6), w.d.one(3), !w.quiet && w.d.one(5)
	var commands, retrs atomic.Int32
	var mute atomic.Pointer[pop3test.Session]
	w.server.Change(func(o *pop3test.Options) {
		*o = pop3test.Options{NoUIDL: w.noUIDL, NoTOP: w.noTOP, NoCAPA: noCAPA, NoPipelining: noPipelining, QuitKeeps: keeps,
			HideRetr: w.acc.RetrHides}
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if mute.Load() == s { // a reply that is left out would make all later ones mean other messages
				return &pop3test.Reply{}
			}
			n := int(commands.Add(1))
			if n == tr.cancel {
				cancel()
			}
			num, _ := strconv.Atoi(arg)
			m, _ := s.Message(num)
			switch verb {
			case "RETR":
				if n := int(retrs.Add(1)) - 1; n == tr.vanish && w.vanish(m) {
					return &pop3test.Reply{Raw: []byte("-ERR no such message\r\n")}
				}
				if tr.refuse[arg[len(arg)-1]] {
					return &pop3test.Reply{Raw: []byte("-ERR cannot read it\r\n")}
				}
			case "DELE":
				w.mustBeSafe(s, num, m, tr)
			}
			// A server that seems to have no UIDL, or no TOP where that gives the names, cannot be understood.
			if n == tr.command && !(w.noUIDL && verb == "TOP") && !(noCAPA && verb == "UIDL") {
				if tr.answer == "" {
					mute.Store(s)
				}
				return &pop3test.Reply{Raw: []byte(tr.answer), Close: tr.close}
			}
			return nil
		}
	})
}

// vanish notes that somebody else removed a message; false when that would make UIDs mean other messages.
func (w *world) vanish(m pop3test.Message) bool {
	l := w.letterOf(m)
	if l == nil || l.shared {
		return false
	}
	l.lost, l.onServer = true, false
	return true
}

func (w *world) letterOf(m pop3test.Message) *letter {
	for _, l := range w.letters {
		if len(m.Data) > 0 && &l.Data[0] == &m.Data[0] {
			return l
		}
	}
	return nil
}

// after checks what must hold after every pass.
func (w *world) after(tr *trouble, rep Report, refetches int) {
	w.t.Helper()
	dead, doubt := tr.life.isDead(), tr.ledger.hit && !nothingApplied(tr.ledger.err)
	switch {
	case dead:
	case doubt && !rep.Verdict.Stop:
		w.fail("the process would go on after a commit in doubt")
	case tr.ledger.late > 0:
		w.fail("%d commits after one in doubt", tr.ledger.late)
	case !doubt && rep.Verdict.Stop:
		w.fail("the process stops without need: %v", rep.Err)
	case rep.Refetched != refetches && rep.Refetched > 0:
		w.fail("%d messages count as refetched, %d left no trace", rep.Refetched, refetches)
	}
	if dead || rep.Verdict.Stop {
		w.reopen()
	}
	// What lies in tmp is named by the ledger, or was left there by a death, a panic or a failed commit.
	rough := dead || tr.memory.hit && tr.memory.err == nil || tr.ledger.hit || tr.panics > 0 || tr.target.hit && (tr.target.err == nil || tr.target.op == opDiscard)
	held := map[string]bool{}
	for _, r := range w.tickets() {
		held[baseOf(r.Ticket)] = true
	}
	files, _ := os.ReadDir(w.mail("tmp"))
	for _, f := range files {
		switch {
		case held[f.Name()] || w.orphans[f.Name()]:
		case rough:
			w.orphans[f.Name()] = true
		default:
			w.fail("%s is left in tmp and nobody knows of it", f.Name())
		}
	}
}

// mustBeSafe is I3: at every DELE the ledger has the message as delivered, and it is at its destinations.
func (w *world) mustBeSafe(s *pop3test.Session, num int, m pop3test.Message, tr *trouble) {
	l := w.letterOf(m)
	if l == nil {
		w.fail("DELE %d: no such message", num)
		return
	}
	key := uidl.Key{UID: l.name}
	for i := 1; i < num; i++ {
		if o, ok := s.Message(i); ok && w.letterOf(o).name == l.name {
			key.Dup++
		}
	}
	if w.acc.Policy.Delete == DeleteNever {
		w.fail("DELE of %s although everything is to be kept", l.UID)
	}
	a := tr.ledger.current
	if strings.HasPrefix(key.UID, contentName) {
		key.Dup = tr.anyOf(s, a, key.UID)
	}
	rows, err := a.Find(context.Background(), []uidl.Key{key})
	if err != nil || len(rows) != 1 || rows[0].State != uidl.Delivered && rows[0].State != uidl.DeleteSent {
		w.fail("DELE of %s: the ledger has %+v for %+v, %v", l.UID, rows, key, err)
	}
	open, err := a.Pending(context.Background())
	for _, r := range open {
		if r.Key == key {
			w.fail("DELE of %s: a delivery is open: %+v, %v", l.UID, r, err)
		}
	}
	if w.copies()[l.hash] == 0 {
		w.fail("DELE of %s: it is not in the Maildir", l.UID)
	}
	if w.remote != nil && w.atRemote()[string(l.wire())] == 0 {
		w.fail("DELE of %s: the remote destination does not have it", l.UID)
	}
}

// anyOf is for messages that only their content names: equal ones are counted as they are read, so that the ledger's rows
// are no particular message's. It finds one that is delivered, for which this session has not deleted any message yet.
func (tr *trouble) anyOf(s *pop3test.Session, a uidl.Account, name string) (dup int) {
	if tr.used == nil {
		tr.used = map[*pop3test.Session]map[int]bool{}
	}
	if tr.used[s] == nil {
		tr.used[s] = map[int]bool{}
	}
	open, _ := a.Pending(context.Background())
	for dup := range 40 { // more than a history has messages
		key := uidl.Key{UID: name, Dup: dup}
		rows, _ := a.Find(context.Background(), []uidl.Key{key})
		if len(rows) == 0 { // purged
			continue
		}
		done := rows[0].State == uidl.Delivered || rows[0].State == uidl.DeleteSent
		if done && !tr.used[s][dup] && !slices.ContainsFunc(open, func(r uidl.Delivery) bool { return r.Key == key }) {
			tr.used[s][dup] = true
			return dup
		}
	}
	return 0
}

func (l *letter) wire() []byte {
	b := l.Data
	if l.octets > int64(len(b)) {
		b = append(b[:len(b):len(b)], "\r\n"...)
	}
	return b
}

func (w *world) atRemote() map[string]int {
	got := map[string]int{}
	for _, d := range w.remote.Delivered() {
		got[d.Body]++
	}
	return got
}
