package fetcher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// session is one connection of a pass.
type session struct {
	steps steps.Session
	*pass
	c        *pop3.Client
	plan     *plan.Plan
	list     plan.Listing // with the names that messages without a unique-id go by
	head     int          // messages that the listing begins with, as the last one did: nothing is to be done about them
	digest   *digest      // of those; nil: none
	since    health.Unchanged
	started  time.Time
	number   int                        // of the session in its pass
	retrs    int                        // RETRs that the server answered with +OK
	unnamed  int                        // of those: nameless, and not new as far as is known; what stays is read in every session
	fetched  map[int]bool               // numbers of messages whose RETR was sent and not refused, for retr_hides
	details  map[uidl.Key]*uidl.Message // of the rows in question
	named    map[string]int             // how many nameless messages of each content were read
	moved    map[uidl.Key]bool          // rows whose message was found at another place of its UID
	stands   map[uidl.Key]bool          // rows whose message was read, is listed with another size and is the same
	same     []plan.Entry               // retrieved again, recognised, and due
	told     []uidl.Key                 // messages whose DELE was answered +OK, while QUIT has not been sent
	claimed  int                        // of those: reported as deleted
	twice    map[uidl.Key]bool          // messages to delete that were deleted before
	removed  map[int]bool               // numbers of messages whose DELE was answered +OK
	marks    []uidl.Mark                // DELEs, to be committed before QUIT
	cut      bool                       // the plan was longer than one session may be
	doubted  bool                       // the ledger may be an older copy
	shown    shownCopies                // see lookForReleased
	twinTops map[int]uidl.Fingerprint   // see recogniseTwins
	rows     *plan.Rows                 // the ledger's, as of the session's beginning
	left     *formers                   // see former
	heirs    map[traits][]*uidl.Message // see wentOn
	topped   bool                       // TOP was answered with a header
	cutTops  map[int]uidl.Fingerprint   // headers that came without the empty line behind them
	weak     map[int]bool               // messages whose header, by TOP, is not enough to know them by
	unread   bool                       // the ledger's rows were not needed
	clock    uidl.Clock                 // as it is after the listing
	listed   int                        // messages in the listing
	formers  *formers                   // what left the listing, when messages are compared with it: see hunt
	hunted   int                        // messages still to be compared so

	redone    bool // something is deleted that was deleted before
	partial   bool // something was left alone that is to be done
	leftOut   bool // messages that nothing is known of were left out of the listing: see nameless
	gotNames  bool // headers came, of others that have no unique-id
	noCompare bool // nothing is read to compare it: see forPurpose
}

// newSession is a session that is not connected yet.
func (p *pass) newSession() *session {
	s := &session{pass: p, started: p.now()}
	s.steps = steps.Session{Turns: &p.turns, Account: p.Health, Brought: p.haul.brought, Own: []error{health.ErrNoScan, errShort, errUnproven}}
	return s
}

// show is the listing that the session goes by from now on.
func (s *session) show(list plan.Listing) {
	s.list, s.steps.List, s.steps.Sore = list, list, nil
}

// session connects, lists, plans, and carries the plan out. more tells that another session has work to do.
func (p *pass) session(ctx context.Context) (more bool, err error) {
	s := p.newSession()
	defer func() {
		if s.c != nil {
			s.c.Close()
		}
		s.rollBack()
	}()
	listing, known, err := s.connect(ctx)
	if err != nil {
		return false, err
	}
	s.turns.Retry = nil
	s.show(listing)
	s.turns.WeighStumble(true)
	if listing.NoUIDL && (s.c.Capabilities().UIDL || known.Named()) {
		return false, uidlRefused(listing)
	}
	s.number, s.listed = p.begin(), listing.Len()
	if s.clock, _ = p.L.Info().Clock, false; listing.Complete {
		s.clock, _ = s.clock.Listed(p.listedAt())
	}
	s.pass.confirmed = s.clock.Now(p.now().Unix())
	named, complete, err := s.nameless(ctx, listing, known)
	if err != nil {
		return false, err
	}
	s.show(named)
	s.doubted = s.Health.Verify
	if !s.unread {
		known, err = s.lost.Rebuild(ctx, named, complete, known, rebuild.Look{DryRun: s.o.DryRun, Headers: s.fingerprints,
			Weak: func(num int) bool { return s.weak[num] }, Memory: func(octets int64) error { return s.share.Set(memory.OfPlan, octets) }})
		s.a.NeverDelete = s.a.NeverDelete || s.lost.Found
		if err != nil {
			return false, err
		}
	}
	s.rows = known
	if err := s.fits(named, known); err != nil {
		return false, err
	}
	s.plan = s.makePlan(named, complete, known)
	s.plan.Kept += s.head
	if err := s.share.Set(memory.OfPlan, s.plan.Memory()); err != nil {
		return false, err
	}
	s.heeded(complete)
	if !s.unread {
		s.steps.ForgetMarks(listing, complete, s.plan)
	}
	s.forPurpose()
	if p.o.DryRun {
		if err := s.decide(ctx, complete, known, listing.Len()); err != nil {
			return false, err
		}
		return false, s.c.Quit(ctx)
	}
	if err := s.renewed(ctx, complete, known); err != nil {
		return false, err
	}
	if err := s.breaker(listing.Len()); err != nil {
		_ = s.c.Quit(ctx) // nothing was asked of the server that QUIT could make count
		return false, err
	}
	if err := s.noteWhole(ctx); err != nil {
		return false, err
	}
	if err := s.recognise(ctx); err != nil {
		return false, err
	}
	s.sift(complete)
	s.note(listing)
	if err := s.giveUpGone(ctx, complete); err != nil {
		return false, err
	}
	s.announcePlan()
	if err := s.deleteDue(ctx); err != nil {
		return false, err
	}
	err = s.retrieve(ctx)
	if err := cmp.Or(s.keepAdopted(ctx, err), err); err != nil {
		return false, err
	}
	s.turns.FetchedNew = s.turns.FetchedNew || !s.cut && s.turns.Purpose <= health.NewMail
	if err := s.sent(ctx); err != nil {
		return false, err
	}
	return s.quit(ctx, listing)
}

// sent waits until what this session brought has been sent, if it is to be deleted then, for as long as a session may
// last. What takes longer is deleted by a later one.
func (s *session) sent(ctx context.Context) error {
	if s.a.Policy.Delete != plan.DeleteAfterDelivery || s.a.NeverDelete {
		return nil
	}
	_, err := s.Drain(s.o.SessionTime-s.now().Sub(s.started), func() { _ = s.c.Noop(ctx) })
	return err
}

// connect logs in and lists, while the ledger's rows load. If these may not be needed, the listing comes first.
func (s *session) connect(ctx context.Context) (*pop3.Listing, *plan.Rows, error) {
	if u := s.mayBeUnchanged(); u != nil {
		list, err := s.login(ctx)
		if err != nil {
			return nil, nil, err
		}
		known := &plan.Rows{}
		same, err := s.begins(ctx, list, u)
		if err == nil && !same {
			known, err = plan.LoadRows(ctx, s.L, s.growsRows)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading the ledger: %w", err)
		}
		s.Health.Rows = max(known.Len(), s.Health.Rows)
		return list, known, nil
	}
	type loaded struct {
		rows *plan.Rows
		err  error
	}
	load := make(chan loaded, 1)
	go func() {
		r, err := plan.LoadRows(ctx, s.L, s.growsRows)
		load <- loaded{r, err}
	}()
	list, err := s.login(ctx)
	got := <-load
	switch {
	case err != nil:
		return nil, nil, err
	case got.err != nil:
		return nil, nil, fmt.Errorf("reading the ledger: %w", got.err)
	}
	s.Health.Rows = got.rows.Len()
	return list, got.rows, nil
}

func (s *session) login(ctx context.Context) (*pop3.Listing, error) {
	opts := s.a.Server
	if s.share != nil {
		opts.Grow = func(octets int64) error { return s.share.Set(memory.OfListing, octets) }
	}
	s.Health.Current(s.now())
	opts.NoPipelining = opts.NoPipelining || s.alone || s.turns.Suspecting || s.steps.Careful() || s.Health.NoPipeliningUntil != 0
	opts.NoCapa = opts.NoCapa || s.Health.Quirks.NoCapaUntil != 0
	list, err := s.enter(ctx, opts)
	if err != nil {
		if list, err = s.enterWithoutCapa(ctx, opts, err); err != nil {
			return nil, err
		}
	}
	if caps := s.c.Capabilities(); caps.Known { // by now those of this user
		s.Health.LoginDelay = int64(caps.LoginDelay / time.Second)
		// RFC 2449, section 6.7: "EXPIRE 0" says that what was retrieved goes when QUIT comes.
		s.expires = caps.Expire == "0"
		s.a.RetrHides = s.a.RetrHides || s.expires
	}
	return list, nil
}

func (s *session) makePlan(list plan.Listing, complete bool, known *plan.Rows) *plan.Plan {
	most := s.o.SessionMessages
	if s.o.DryRun || s.turns.Purpose != health.Everything || s.Health.Stumbles.Breaks() { // all are shown, or looked at for what broke sessions
		most = 0
	}
	return plan.Make(plan.Input{
		Listing: list, Order: plan.SortedByUID(list), Complete: complete, Rows: known, Open: s.Pending, Set: s.Set,
		Policy: s.a.Policy, NeverDelete: s.a.NeverDelete, Aged: s.clock.Aged, Confirmed: s.clock.Confirmed,
		Elsewhere: s.elsewhere, Met: s.recognised, Now: s.now(), Waits: s.Health.Waits, Short: s.Health.Wire.Watched(),
		HoldUntil: s.HoldUntil(), Most: most, Deleted: s.deleted,
	})
}

// note carries what the listing itself changes in the ledger to the next commit, and the listing's part of the report.
func (s *session) note(list *pop3.Listing) {
	pl := s.plan
	s.Health.Listed = list.Len()
	s.Later(func(c *uidl.Change) {
		c.At = s.listedAt()
		c.Listed = c.Listed || list.Complete
		c.Purge = c.Purge || pl.Purge
		c.Gone = append(c.Gone, pl.Gone...)
		for _, f := range pl.Skipped {
			s.noteSkipped(c, f, 0)
		}
	})
	s.rec.Count(func(r *report.Report) {
		r.Listed, r.Kept, r.Parked, r.Pending, r.Skipped = list.Len(), pl.Kept, pl.Parked, pl.Pending, len(pl.Skipped)
		r.Held = len(pl.Back)
		r.Kept += s.haul.expect(pl.OnWay)
	})
	s.noteHeld()
	s.noteWithheld()
	for _, f := range pl.Skipped {
		s.rec.Reason(f.Reason)
		if f.Reason == plan.ReasonNoUID {
			s.blind()
		}
	}
	s.checkListing(list)
}

// noteWhole notes as delivered what lacks nothing any more, because a destination was removed or what was open for it released,
// and as wanted anew what failed before it left the listing, or in another mailbox: it may be another message.
func (s *session) noteWhole(ctx context.Context) error {
	var back []uidl.Message
	for i := range s.plan.Fetch {
		if f := &s.plan.Fetch[i]; f.Returned() || s.elsewhere && f.Row.State != 0 && !f.Owed && !f.Compare {
			back = append(back, uidl.Message{Reason: f.Reason, Row: uidl.Row{
				Key: f.Key, State: uidl.Wanted, Size: f.Size, FirstSeen: s.stamp(), Attempts: f.Row.Attempts,
			}})
		}
	}
	if len(s.plan.Whole)+len(s.plan.Moot)+len(back) == 0 {
		return nil
	}
	return s.Change(ctx, func(c *uidl.Change) {
		c.Put = back
		for _, k := range s.plan.Whole {
			c.Mark = append(c.Mark, s.Whole(k.Key, k.Row.Facts, s.Set))
		}
		s.DropMoot(c, s.plan.Moot)
	})
}

// announcePlan tells whoever watches how much is to be fetched: what came in earlier sessions and what this one plans, as
// far as the limit goes.
func (s *session) announcePlan() {
	all, started := s.haul.received()
	left := s.a.Policy.Limit - started
	for i := range s.plan.Fetch {
		f := &s.plan.Fetch[i]
		if s.a.Policy.Limit > 0 && f.Row.State == 0 {
			if left <= 0 {
				break
			}
			left--
		}
		all.messages++
		all.octets += f.Size
	}
	s.rec.Count(func(r *report.Report) { r.Planned, r.PlannedBytes = all.messages, all.octets })
	s.rec.Progress()
}

// only tells how many messages only one of the two listings has.
func only(inUIDL, inLIST int) string {
	var parts []string
	if inUIDL > 0 {
		parts = append(parts, words.Number(inUIDL, "message")+words.Plural(inUIDL, " is", " are")+" in UIDL alone")
	}
	if inLIST > 0 || inUIDL == 0 {
		parts = append(parts, words.Number(inLIST, "message")+words.Plural(inLIST, " is", " are")+" in LIST alone")
	}
	return strings.Join(parts, ", ")
}

// checkListing notes a listing that cannot be relied on: what it lacks is not taken for gone, and what made no sense in
// it, or stood in half of it, is mail that nobody sees.
func (s *session) checkListing(list *pop3.Listing) {
	if list.Complete {
		return
	}
	s.rec.Reason("the server's listing is not complete")
	v := incomplete(list)
	s.rec.Befell(v)
}

// blind notes that mail stays unfetched because nothing tells new from old.
func (s *session) blind() {
	s.rec.Befell(unnamed)
}

// noteSkipped writes down a message that policy leaves on the server, once; next is when to look again, if not always.
func (s *session) noteSkipped(c *uidl.Change, f plan.FetchStep, next int64) {
	switch {
	case f.Reason != plan.ReasonTooLarge, f.Key.UID == "":
	case f.Row.State == 0:
		c.Put = append(c.Put, uidl.Message{Reason: f.Reason, Row: uidl.Row{
			Key: f.Key, State: uidl.Skipped, Size: f.Size, FirstSeen: s.stamp(), NextTry: next,
		}})
	case f.Row.State != uidl.Skipped || f.Row.Size != f.Size || next > 0:
		c.Mark = append(c.Mark, uidl.Mark{Key: f.Key, State: uidl.Skipped, Size: f.Size, Attempts: f.Row.Attempts,
			NextTry: next, Reason: f.Reason})
	}
}

// quit deletes what this session delivered, if the policy says so, and ends it. QUIT makes deletions count (RFC 1939,
// section 6), so what it may delete is committed before, and DELE and QUIT leave together. What QUIT answers is only a
// hint, the next listing tells. Where the server hides what was retrieved, it is sent only if all of that is settled.
func (s *session) quit(ctx context.Context, listing *pop3.Listing) (more bool, err error) {
	stop := s.blocked()
	due := s.toDelete()
	abandon := s.a.RetrHides && s.haul.unsafe(s.fetched)
	if abandon {
		s.rec.Count(func(r *report.Report) { r.Kept += len(due) })
		due = nil
	}
	s.marks = slices.Grow(s.marks, len(due))
	for _, e := range due {
		s.marks = append(s.marks, uidl.Mark{Key: e.Key, State: uidl.DeleteSent})
	}
	if len(s.marks) > 0 {
		if err := s.Commit(ctx, uidl.Change{Mark: s.marks}); err != nil {
			return false, err
		}
	}
	if abandon {
		s.rec.Reason("session abandoned: the server would hide mail that is not delivered yet")
		return false, stop
	}
	if err := s.LeaseLost(); err != nil {
		return false, err
	}
	unconfirmed, err := s.c.DeleteQuit(ctx, numbers(due), s.deletion(due, func(e plan.Entry, accepted bool) {
		if !accepted {
			s.Later(func(c *uidl.Change) { c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, State: uidl.Delivered}) })
		}
	}))
	s.steps.Stumbled(ctx, "DELE", err)
	// It closed behind the last DELE: one that it refused, or did not carry out the last time either.
	if err == nil && s.steps.Behind != nil && (s.steps.Behind.Err != nil || s.redone) && unconfirmed != nil && verdict.Disconnected(unconfirmed) {
		s.steps.ClosedAfter(ctx, unconfirmed)
		return false, s.pipelined(unconfirmed)
	}
	if err == nil {
		if unconfirmed == nil {
			s.haul.gain(len(s.told))
		}
		s.unconfirmed(unconfirmed, len(s.told))
		s.told, s.claimed = nil, 0
	}
	if err != nil && len(due) > 0 {
		// After a destination failed, the rest of the session may be past saving; the first fault is what counts.
		return false, cmp.Or(s.blocked(), s.pipelined(err))
	}
	if !s.cut && !s.partial && !s.turns.Suspecting { // a session for single messages has not met the others
		s.settledIn()
	}
	if cmp.Or(unconfirmed, err) != nil {
		if len(s.marks) > 0 {
			s.rec.Reason("server did not confirm the deletions")
		}
		return false, nil
	}
	if stop != nil {
		return false, stop
	}
	s.rememberListing(listing)
	brought := s.haul.brought()
	return s.cut && (brought || len(s.marks) > 0 || s.turns.Purpose == health.KnownMail && s.steps.Done > 0) || s.a.RetrHides && brought, ctx.Err()
}
