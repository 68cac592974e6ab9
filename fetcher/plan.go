package fetcher

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Reasons that appear in reports, steps and ledger rows.
const (
	reasonNew       = "new"
	reasonRetry     = "failed before"
	reasonParked    = "parked, due for a retry"
	reasonOwed      = "a destination lacks it"
	reasonTooLarge  = "larger than max_size"
	reasonNoUID     = "server gives it no unique-id"
	reasonNoSpace   = "not enough free space"
	reasonSize      = "known unique-id, other size"
	reasonReturned  = "known unique-id that was gone"
	reasonElsewhere = "known unique-id, in another mailbox"
	reasonUndeleted = "deleted before, still listed"
	reasonDue       = "delivered, due by policy"
	reasonDuplicate = "unique-id is shared by several messages"
	reasonNotSame   = "another message under a known unique-id"
	reasonLimit     = "limit reached"
)

// listing is what Plan reads of a *pop3.Listing.
type listing interface {
	Len() int
	At(i int) pop3.Entry
}

// entry is a listed message with its ledger key.
type entry struct {
	num  int
	size int64
	key  uidl.Key
}

// fetchStep is a message to retrieve.
type fetchStep struct {
	entry
	row      *uidl.Row // of those in the ledger; else noRow
	reason   string
	compare  bool // a delivered message may stand behind this UID: compare SHA-256 before publishing
	owed     bool // only for the destinations that lack it
	moved    bool // it may be one that was delivered under another unique-id: compare SHA-256 with all of those
	nameless bool // no unique-id: it is named by its content once it is read
}

// returned tells of a message that failed too often, and left the listing, that it is listed again: what failed under its
// unique-id may have been another one, and this one may be known under another unique-id.
func (f *fetchStep) returned() bool {
	return f.row.State == uidl.Parked && f.row.GoneAt != 0 && !f.owed
}

// noRow is the row of messages that the ledger has none of; nobody writes to it. A row of its own in each step would
// take 200 octets for every message of a first import.
var noRow = new(uidl.Row)

// known is a row of a message's own.
func known(row uidl.Row) *uidl.Row { return &row }

// knownStep is a listed message that the ledger has as delivered.
type knownStep struct {
	entry
	row    uidl.Row
	reason string
	copies int  // listed messages with this UID
	shared bool // the UID ever belonged to several messages
	then   fate
}

// fate is what is to become of a delivered message.
type fate uint8

const (
	stay   fate = iota // nothing: it is kept
	ask                // it may be another one: see recognise
	remove             // policy wants it deleted
)

// plan is what one session has to do.
type plan struct {
	fetch    []fetchStep       // in this order
	due      []knownStep       // to delete once recognised: see recognise
	most     int               // of those, that a session deals with; 0: all
	later    int               // due as well, and left for the sessions to come
	question []knownStep       // to recognise: the same message, or another under its UID
	gone     []uidl.Key        // rows that the listing lacks since now
	lost     []int32           // indices of rows that were delivered and left the listing of late, now included
	lostKept int               // those of them that the server was not told to delete
	lostNow  int               // and those of these that only this listing lacks
	skipped  []fetchStep       // by policy; reason tells which
	whole    []knownStep       // to be noted as delivered: nothing is lacking any more
	stumps   []knownStep       // delivered shorter than listed, and watched: see short.go
	watched  map[uidl.Key]bool // listed messages that came short
	twins    []knownStep       // delivered, and others have or had the same UID: see recogniseTwins
	shared   map[string]int    // how many messages a UID has, if several
	withheld map[string]int    // due by policy, and why facts keep them
	kept     int               // delivered, listed, not due
	asked    int               // of those: the server was told to delete them earlier in this pass
	parked   int               // parked, not due
	pending  int               // staged somewhere, not to fetch
	onWay    []uidl.Key        // of those: copies are on their way to all that lack them
	back     []knownStep       // held back until a person says what they are
	waiting  bool              // one is kept until a time of its own
	purge    bool              // there are tombstones old enough
	oldest   int64             // least FirstSeen of those kept; 0: none

	last map[uidl.Key]bool // known messages that broke sessions: they come after the others

	// Destinations that are owed messages, and do not lack them any more.
	moot map[uidl.Key]uidl.Places
}

// planInput is all that a plan depends on.
type planInput struct {
	listing     listing
	order       []int32 // of the listing by (UID, number): see sortedByUID
	complete    bool    // rows that are missing from the listing are gone
	rows        *rows
	open        map[uidl.Key]*openState // messages with unsettled deliveries
	set         *set
	policy      Policy
	neverDelete bool
	aged        int64             // ages count up to this (Unix seconds): see uidl.Clock
	confirmed   int64             // and the times of tombstones
	elsewhere   bool              // the rows may be of another mailbox
	met         map[uidl.Key]bool // with it: recognised by earlier sessions of the pass
	now         time.Time
	waits       func(until int64) bool
	most        int               // due messages that a session deals with; 0: any number
	deleted     map[uidl.Key]bool // those that the server was told to delete earlier in this pass
	short       map[uidl.Key]bool // messages that came short: whether they were delivered
	verdicts    []verdictOfFacts  // by index in rows.kinds
}

// verdictOfFacts is what follows from the facts of a row.
type verdictOfFacts struct {
	lacks uidl.Places
	keeps string // why it must stay on the server; "": it need not
}

// judge looks once at each kind of facts that there is.
func (in *planInput) judge() {
	in.verdicts = make([]verdictOfFacts, len(in.rows.kinds))
	for i, f := range in.rows.kinds {
		in.verdicts[i] = verdictOfFacts{in.set.lacks(f), in.set.keeps(f)}
	}
}

// makePlan decides what to do with every listed message. It is a pure function: listing and rows are both walked once,
// in the order of their UIDs.
func makePlan(input planInput) *plan {
	in := &input
	p := &plan{most: in.most, shared: map[string]int{}, withheld: map[string]int{}, watched: map[uidl.Key]bool{}, moot: map[uidl.Key]uidl.Places{}}
	in.judge()
	if n := in.listing.Len() - in.rows.len(); n > 0 { // most of these are new
		p.fetch = make([]fetchStep, 0, n)
	}
	// What is delivered and stays is nearly all of a large mailbox, and takes no look at its whole row.
	quiet := in.keeps() && !in.elsewhere && len(in.open) == 0 && len(in.short) == 0
	r, dup, copies := 0, 0, 0
	ahead := in.entry(0)
	for k := range in.order {
		e := ahead
		ahead = in.entry(k + 1)
		if !e.HasUID {
			p.nameless(in, fetchStep{entry: entry{num: e.Num, size: e.Size}, row: noRow, reason: reasonNoUID})
			continue
		}
		if dup++; dup >= copies {
			dup, copies = 0, 1
			if ahead.UID == e.UID {
				copies = in.run(k, e.UID)
			}
			if copies > 1 {
				p.shared[e.UID] = copies
			}
		}
		it := entry{num: e.Num, size: e.Size, key: uidl.Key{UID: e.UID, Dup: dup}}
		if _, ok := in.short[it.key]; ok {
			p.watched[it.key] = true
		}
		against := 1
		for ; r < in.rows.len(); r++ {
			if against = in.rows.compare(r, it.key); against >= 0 {
				break
			}
			p.missing(in, r)
		}
		switch {
		case r == in.rows.len() || against > 0:
			p.wanted(in, fetchStep{entry: it, row: noRow, reason: reasonNew})
		case quiet && copies == 1 && in.rows.at(r).isKept(e.Size) && in.verdicts[in.rows.at(r).kind].lacks == 0 && !in.rows.sameUID(r, r+1):
			p.kept++
			r++
		default:
			shared := copies > 1 || dup > 0 || in.rows.sameUID(r, r+1)
			p.known(in, knownStep{entry: it, row: in.rows.rowOf(r, it.key), copies: copies, shared: shared}, in.verdicts[in.rows.at(r).kind])
			r++
		}
	}
	for ; r < in.rows.len(); r++ {
		p.missing(in, r)
	}
	p.sort()
	return p
}

// keeps tells whether policy deletes nothing, whatever it is.
func (in *planInput) keeps() bool {
	return in.neverDelete || in.policy.Delete != DeleteAfterDelivery && in.policy.Delete != DeleteAfterAge
}

// isKept tells of a row, listed with this size, whether known could only keep it if policy keeps everything.
func (p *packed) isKept(size int64) bool {
	own := p.fullSize()
	return p.state == uidl.Delivered && p.goneAt == 0 && (own == size || own == 0 || size == 0)
}

// nameless deals with a message that nothing tells from others before it is read. To keep it would mean to read it in
// every pass; to delete it once it is delivered is safe, since it is recognised when it is read again.
func (p *plan) nameless(in *planInput, f fetchStep) {
	if in.policy.Delete != DeleteAfterDelivery || in.neverDelete {
		p.skipped = append(p.skipped, f)
		return
	}
	f.nameless = true
	p.wanted(in, f)
}

// entry is the k-th of the listing in order; none at its end.
func (in *planInput) entry(k int) (e pop3.Entry) {
	if k < len(in.order) {
		e = in.listing.At(int(in.order[k]))
	}
	return e
}

// run counts the listed messages from position k on that have this UID.
func (in *planInput) run(k int, uid string) int {
	n := 1
	for k+n < len(in.order) && in.entry(k+n).UID == uid {
		n++
	}
	return n
}

// missing deals with a row that the listing lacks.
func (p *plan) missing(in *planInput, r int) {
	row := in.rows.at(r)
	if row.goneAt != 0 {
		age := in.confirmed - int64(row.goneAt)
		p.purge = p.purge || age >= 90*24*3600
		if age < lately {
			p.lose(in, r)
		}
		return
	}
	if in.complete {
		p.gone = append(p.gone, in.rows.row(r).Key)
		p.lose(in, r)
		p.lostNow += b2i(row.state == uidl.Delivered)
	}
}

// known deals with a listed message that has a row.
func (p *plan) known(in *planInput, k knownStep, v verdictOfFacts) {
	// Where some place has it already, or a copy is on its way, only those that lack it are to get it.
	open, had := in.open[k.key], k.row.Have.Destinations() != 0
	if k.row.State == uidl.Parked && in.waits(k.row.NextTry) && (k.row.GoneAt == 0 && !in.elsewhere || had || open != nil) {
		p.parked++
		return
	}
	switch {
	case k.row.State == uidl.Held && (open == nil || open.need(v.lacks) != 0):
		p.back = append(p.back, k)
		return
	case (open != nil || had) && open.need(v.lacks) != 0:
		p.fetch = append(p.fetch, fetchStep{entry: k.entry, row: known(k.row), reason: reasonOwed, owed: true})
		return
	case had && open != nil && open.owing&^v.lacks != 0: // when it was staged there, no place had it
		p.moot[k.key] = open.owing &^ v.lacks
		p.pending++
		return
	case open != nil && (k.row.GoneAt != 0 || k.row.Size != k.size && k.row.Size != 0 && k.size != 0):
		k.reason = reasonSize // on its way, and perhaps not what is listed
		p.question = append(p.question, k)
		return
	case open != nil:
		p.pending++
		p.onWay = append(p.onWay, k.key)
		return
	case had && (k.row.State == uidl.Wanted || k.row.State == uidl.Parked):
		k.row.State, k.row.Attempts, k.row.NextTry = uidl.Delivered, 0, 0
		p.whole = append(p.whole, k)
	}
	switch k.row.State {
	case uidl.Parked:
		p.wanted(in, fetchStep{entry: k.entry, row: known(k.row), reason: reasonParked})
	case uidl.Wanted, uidl.Skipped:
		if k.row.State == uidl.Skipped && !in.elsewhere && in.waits(k.row.NextTry) && k.row.Size == k.size && in.policy.MaxSize > 0 {
			p.skipped = append(p.skipped, fetchStep{entry: k.entry, row: known(k.row), reason: reasonTooLarge})
			return
		}
		reason := reasonNew
		switch {
		case k.row.Attempts > 0:
			reason = reasonRetry
		case again(&k.row):
			reason = reasonAgain
		}
		p.wanted(in, fetchStep{entry: k.entry, row: known(k.row), reason: reason})
	default:
		p.delivered(in, k, v)
	}
}

// delivered deals with a listed message that is durable at every destination.
func (p *plan) delivered(in *planInput, k knownStep, v verdictOfFacts) {
	due := in.due(k.row)
	done, short := in.short[k.key]
	if done {
		if due {
			p.withheld[reasonStump]++
		}
		p.stumps = append(p.stumps, k)
		return
	}
	p.waiting = p.waiting || k.row.NextTry != 0
	if due && v.keeps != "" {
		due = false
		p.withheld[v.keeps]++
	}
	k.then = ask
	switch {
	case k.row.GoneAt != 0:
		k.reason = reasonReturned
	case k.row.Size != k.size && k.row.Size != 0 && k.size != 0:
		k.reason = reasonSize
	case in.elsewhere && !in.met[k.key]:
		k.reason = reasonElsewhere
	case short: // it was found to be another one, or was not recognised, and is to be read again
		k.reason = reasonShort
	case !due && k.row.State == uidl.DeleteSent:
		// Policy has become to keep since DELE: what is listed may be a new message under the old unique-id.
		k.reason = reasonUndeleted
	case !due:
		k.then = stay
	case k.row.State == uidl.DeleteSent:
		k.reason, k.then = reasonUndeleted, remove
	default:
		k.reason, k.then = reasonDue, remove
	}
	if k.shared {
		p.twins = append(p.twins, k) // its place in the listing says little: see recogniseTwins
		return
	}
	if k.then == remove && in.deleted[k.key] {
		p.kept, p.asked = p.kept+1, p.asked+1 // see asked
		return
	}
	p.decide(k)
}

// decide enters what is to be done with a delivered message.
func (p *plan) decide(k knownStep) {
	switch k.then {
	case ask:
		p.question = append(p.question, k)
	case remove:
		if p.due = append(p.due, k); p.most > 0 && len(p.due) >= 2*p.most {
			p.trimDue()
		}
	default:
		p.kept++
		if p.oldest == 0 || k.row.FirstSeen < p.oldest {
			p.oldest = k.row.FirstSeen
		}
	}
}

// trimDue leaves those that come first, by number: as many as a session deals with. A million that are due are not to be in
// memory at once. Those that share a unique-id may have to stay: they must not take the others' places.
func (p *plan) trimDue() {
	slices.SortFunc(p.due, func(a, b knownStep) int { return cmp.Or(b2i(a.shared)-b2i(b.shared), cmp.Compare(a.num, b.num)) })
	p.later += len(p.due) - p.most
	clear(p.due[p.most:])
	p.due = p.due[:p.most]
}

// memory is about what the plan takes, in octets, with what it takes to recognise messages.
func (p *plan) memory() int64 {
	const knownOctets, goneOctets, ownRowOctets = 1100, 150, 112
	known := len(p.due) + len(p.question) + len(p.twins) + len(p.back) + len(p.stumps) + len(p.whole)
	rows := 0 // of steps that have one of their own: many only where a person asked for many again
	for i := range p.fetch {
		rows += b2i(p.fetch[i].row != noRow)
	}
	return int64(len(p.fetch)+len(p.skipped))*stepOctets + int64(rows)*ownRowOctets + int64(known)*knownOctets + int64(len(p.gone))*goneOctets
}

// due tells whether policy wants a delivered message deleted. An age counts from the first sight, and must have been
// reached at an earlier listing on an earlier day: a clock that jumps once deletes nothing.
func (in *planInput) due(row uidl.Row) bool {
	switch {
	case in.neverDelete, heldUntil(row.NextTry, row.FirstSeen, in.aged, in.now):
		return false
	case in.policy.Delete == DeleteAfterDelivery:
		return true
	case in.policy.Delete == DeleteAfterAge:
		return in.aged-row.FirstSeen >= int64(in.policy.Age/time.Second)
	}
	return false
}

// wanted deals with a message that is to be retrieved, unless it is too large.
func (p *plan) wanted(in *planInput, f fetchStep) {
	if in.policy.MaxSize > 0 && f.size > in.policy.MaxSize {
		f.reason = reasonTooLarge
		p.skipped = append(p.skipped, f)
		return
	}
	p.fetch = append(p.fetch, f)
}

// sort puts new messages first, by number, then those that failed before, fewest failures first: what always fails
// comes last and is in nobody's way.
func (p *plan) sort() {
	p.sortFetch()
	byNum := func(a, b knownStep) int {
		return cmp.Or(b2i(p.last[a.key])-b2i(p.last[b.key]), cmp.Compare(a.num, b.num))
	}
	slices.SortFunc(p.due, byNum)
	slices.SortFunc(p.question, byNum)
}

// sortFetch puts what may be known already last: it is only retrieved to be recognised. Before that comes what turned out
// larger than max_size and was listed smaller: to read it again will most likely be in vain, and it must not use up a
// session in every pass.
func (p *plan) sortFetch() {
	slices.SortFunc(p.fetch, func(a, b fetchStep) int {
		return cmp.Or(cmp.Compare(b2i(a.compare), b2i(b.compare)), cmp.Compare(b2i(a.vain()), b2i(b.vain())),
			cmp.Compare(a.row.Attempts, b.row.Attempts), cmp.Compare(a.num, b.num))
	})
}

// vain tells whether a message was read before and found too large: see skipLong.
func (f *fetchStep) vain() bool { return f.row.State == uidl.Skipped && f.row.NextTry > 0 }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sameUID tells whether rows i and j belong to one UID; j may be out of range.
func (r *rows) sameUID(i, j int) bool {
	return j < r.len() && bytes.Equal(r.uid(i), r.uid(j))
}

func (r *rows) compare(i int, k uidl.Key) int {
	if c := compareBytes(r.uid(i), k.UID); c != 0 {
		return c
	}
	return cmp.Compare(int(r.at(i).dup), k.Dup)
}

// compareBytes is bytes.Compare with a string. The operators compare without a copy; a call would make one.
func compareBytes(a []byte, b string) int {
	switch {
	case string(a) == b:
		return 0
	case string(a) < b:
		return -1
	}
	return 1
}

// sortedByUID is the order of a listing by (UID, number). Most servers list in that order already.
func sortedByUID(l listing) []int32 {
	order := make([]int32, l.Len())
	sorted := true
	prev := pop3.Entry{}
	for i := range order {
		order[i] = int32(i)
		e := l.At(i)
		if i > 0 && (e.UID < prev.UID || e.UID == prev.UID && e.Num < prev.Num) {
			sorted = false
		}
		prev = e
	}
	if !sorted {
		slices.SortFunc(order, func(a, b int32) int {
			x, y := l.At(int(a)), l.At(int(b))
			return cmp.Or(strings.Compare(x.UID, y.UID), cmp.Compare(x.Num, y.Num))
		})
	}
	return order
}
