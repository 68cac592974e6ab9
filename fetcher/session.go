package fetcher

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// session is one connection of a pass.
type session struct {
	p       *pass
	desk    *Desk
	on      *Session
	headers *Tops
	known   *Recogniser
	deleter *Deleter
	reader  *Reader

	head   int     // messages that the listing begins with, as the last one did: nothing is to be done about them
	digest *digest // of those; nil: none
	since  health.Unchanged
	unread bool // the ledger's rows were not needed
}

// newSession is a session that is not connected yet.
func (p *pass) newSession() *session {
	on := &Session{desk: p.desk, started: p.desk.now()}
	on.steps = steps.Session{Turns: &p.desk.turns, Account: p.desk.Health, Brought: p.desk.haul.brought, Own: []error{health.ErrNoScan, errShort, errUnproven}}
	p.shorts.on = on
	headers := &Tops{desk: p.desk, on: on}
	known := newRecogniser(p.desk, on, headers, p.mailbox)
	return &session{p: p, desk: p.desk, on: on, headers: headers, known: known, deleter: &Deleter{desk: p.desk, on: on}, reader: newReader(p.desk, on, known, p.shorts)}
}

// show is the listing that the session goes by from now on.
func (s *Session) show(list plan.Listing) {
	s.list, s.steps.List, s.steps.Sore = list, list, nil
}

// session connects, lists, plans, and carries the plan out. more tells that another session has work to do.
func (p *pass) session(ctx context.Context) (more bool, err error) {
	s := p.newSession()
	defer func() {
		if s.on.c != nil {
			s.on.c.Close()
		}
		s.deleter.rollBack()
	}()
	listing, known, err := s.connect(ctx)
	if err != nil {
		return false, err
	}
	s.desk.turns.Retry = nil
	s.on.show(listing)
	s.desk.turns.WeighStumble(true)
	if listing.NoUIDL && (s.on.c.Capabilities().UIDL || known.Named()) {
		return false, uidlRefused(listing)
	}
	s.on.number, s.on.listed = p.begin(), listing.Len()
	if s.on.clock, _ = p.desk.Settler.L.Info().Clock, false; listing.Complete {
		s.on.clock, _ = s.on.clock.Listed(p.desk.listedAt())
	}
	s.desk.confirmed = s.on.clock.Now(p.desk.now().Unix())
	named, complete, err := s.names(ctx, listing, known)
	if err != nil {
		return false, err
	}
	s.on.show(named)
	s.known.doubted = s.desk.Health.Verify
	if !s.unread {
		known, err = s.desk.lost.Rebuild(ctx, named, complete, known, rebuild.Look{DryRun: s.desk.Options.DryRun, Headers: s.headers.fingerprints,
			Weak: func(num int) bool { return s.headers.weak[num] }, Memory: func(octets int64) error { return s.desk.share.Set(memory.OfPlan, octets) }})
		s.desk.Account.NeverDelete = s.desk.Account.NeverDelete || s.desk.lost.Found
		if err != nil {
			return false, err
		}
	}
	s.on.rows = known
	if err := s.fits(named, known); err != nil {
		return false, err
	}
	s.on.plan = s.makePlan(named, complete, known)
	s.on.plan.Kept += s.head
	if err := s.desk.share.Set(memory.OfPlan, s.on.plan.Memory()); err != nil {
		return false, err
	}
	s.deleter.heeded(complete)
	if !s.unread {
		s.on.steps.ForgetMarks(listing, complete, s.on.plan)
	}
	s.forPurpose()
	if p.desk.Options.DryRun {
		if err := s.decide(ctx, complete, known, listing.Len()); err != nil {
			return false, err
		}
		return false, s.on.c.Quit(ctx)
	}
	if err := s.known.renewal.renewed(ctx, complete, known); err != nil {
		return false, err
	}
	if err := s.breaker(listing.Len()); err != nil {
		_ = s.on.c.Quit(ctx) // nothing was asked of the server that QUIT could make count
		return false, err
	}
	if err := s.noteWhole(ctx); err != nil {
		return false, err
	}
	if err := s.recognise(ctx); err != nil {
		return false, err
	}
	s.p.shorts.sift(complete)
	s.note(listing)
	if err := s.giveUpGone(ctx, complete); err != nil {
		return false, err
	}
	s.announcePlan()
	if err := s.deleter.deleteDue(ctx); err != nil {
		return false, err
	}
	err = s.reader.retrieve(ctx)
	if err := cmp.Or(s.known.renewal.keepAdopted(ctx, err), err); err != nil {
		return false, err
	}
	s.desk.turns.FetchedNew = s.desk.turns.FetchedNew || !s.on.cut && s.desk.turns.Purpose <= health.NewMail
	if err := s.sent(ctx); err != nil {
		return false, err
	}
	return s.quit(ctx, listing)
}

// names is the listing in which messages without a unique-id have a name too. The session's head is left out.
func (s *session) names(ctx context.Context, l *pop3.Listing, known *plan.Rows) (names plan.Listing, complete bool, err error) {
	if s.unread { // then all have a unique-id: see begins
		return tail{l, s.head}, l.Complete, nil
	}
	return s.headers.nameless(ctx, l, known)
}

// recognise finds out which messages are known ones.
func (s *session) recognise(ctx context.Context) error {
	if err := s.known.twins.recogniseTwins(ctx); err != nil {
		return err
	}
	if err := s.known.twins.placeOnWay(ctx); err != nil {
		return err
	}
	s.deleter.asked()
	return s.known.recogniseAll(ctx)
}

// sent waits until what this session brought has been sent, if it is to be deleted then, for as long as a session may
// last. What takes longer is deleted by a later one.
func (s *session) sent(ctx context.Context) error {
	if s.desk.Account.Policy.Delete != plan.DeleteAfterDelivery || s.desk.Account.NeverDelete {
		return nil
	}
	_, err := s.desk.Settler.Drain(s.desk.Options.SessionTime-s.desk.now().Sub(s.on.started), func() { _ = s.on.c.Noop(ctx) })
	return err
}

// connect logs in and lists, while the ledger's rows load. If these may not be needed, the listing comes first.
func (s *session) connect(ctx context.Context) (*pop3.Listing, *plan.Rows, error) {
	if u := s.p.mayBeUnchanged(); u != nil {
		list, err := s.login(ctx)
		if err != nil {
			return nil, nil, err
		}
		known := &plan.Rows{}
		same, err := s.begins(ctx, list, u)
		if err == nil && !same {
			known, err = plan.LoadRows(ctx, s.desk.Settler.L, s.growsRows)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading the ledger: %w", err)
		}
		s.desk.Health.Rows = max(known.Len(), s.desk.Health.Rows)
		return list, known, nil
	}
	type loaded struct {
		rows *plan.Rows
		err  error
	}
	load := make(chan loaded, 1)
	go func() {
		r, err := plan.LoadRows(ctx, s.desk.Settler.L, s.growsRows)
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
	s.desk.Health.Rows = got.rows.Len()
	return list, got.rows, nil
}

func (s *session) login(ctx context.Context) (*pop3.Listing, error) {
	opts := s.desk.Account.Server
	if s.desk.share != nil {
		opts.Grow = func(octets int64) error { return s.desk.share.Set(memory.OfListing, octets) }
	}
	s.desk.Health.Current(s.desk.now())
	opts.NoPipelining = opts.NoPipelining || s.desk.alone || s.desk.turns.Suspecting || s.on.steps.Careful() || s.desk.Health.NoPipeliningUntil != 0
	opts.NoCapa = opts.NoCapa || s.desk.Health.Quirks.NoCapaUntil != 0
	list, err := s.enter(ctx, opts)
	if err != nil {
		if list, err = s.enterWithoutCapa(ctx, opts, err); err != nil {
			return nil, err
		}
	}
	if caps := s.on.c.Capabilities(); caps.Known { // by now those of this user
		s.desk.Health.LoginDelay = int64(caps.LoginDelay / time.Second)
		// RFC 2449, section 6.7: "EXPIRE 0" says that what was retrieved goes when QUIT comes.
		s.desk.expires = caps.Expire == "0"
		s.desk.Account.RetrHides = s.desk.Account.RetrHides || s.desk.expires
	}
	return list, nil
}

func (s *session) makePlan(list plan.Listing, complete bool, known *plan.Rows) *plan.Plan {
	most := s.desk.Options.SessionMessages
	if s.desk.Options.DryRun || s.desk.turns.Purpose != health.Everything || s.desk.Health.Stumbles.Breaks() { // all are shown, or looked at for what broke sessions
		most = 0
	}
	return plan.Make(plan.Input{
		Listing: list, Order: plan.SortedByUID(list), Complete: complete, Rows: known, Open: s.desk.Settler.Pending, Set: s.desk.Settler.Set,
		Policy: s.desk.Account.Policy, NeverDelete: s.desk.Account.NeverDelete, Aged: s.on.clock.Aged, Confirmed: s.on.clock.Confirmed,
		Elsewhere: s.desk.elsewhere, Met: s.p.mailbox.met, Now: s.desk.now(), Waits: s.desk.Health.Waits, Short: s.desk.Health.Wire.Watched(),
		HoldUntil: s.desk.Settler.HoldUntil(), Most: most, Deleted: s.desk.deleted,
	})
}

// note carries what the listing itself changes in the ledger to the next commit, and the listing's part of the report.
func (s *session) note(list *pop3.Listing) {
	pl := s.on.plan
	s.desk.Health.Listed = list.Len()
	s.desk.Settler.Later(func(c *uidl.Change) {
		c.At = s.desk.listedAt()
		c.Listed = c.Listed || list.Complete
		c.Purge = c.Purge || pl.Purge
		c.Gone = append(c.Gone, pl.Gone...)
		for _, f := range pl.Skipped {
			s.desk.noteSkipped(c, f, 0)
		}
	})
	s.desk.rec.Count(func(r *report.Report) {
		r.Listed, r.Kept, r.Parked, r.Pending, r.Skipped = list.Len(), pl.Kept, pl.Parked, pl.Pending, len(pl.Skipped)
		r.Held = len(pl.Back)
		r.Kept += s.desk.haul.expect(pl.OnWay)
	})
	s.noteHeld()
	s.noteWithheld()
	for _, f := range pl.Skipped {
		s.desk.rec.Reason(f.Reason)
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
	for i := range s.on.plan.Fetch {
		if f := &s.on.plan.Fetch[i]; f.Returned() || s.desk.elsewhere && f.Row.State != 0 && !f.Owed && !f.Compare {
			back = append(back, uidl.Message{Reason: f.Reason, Row: uidl.Row{
				Key: f.Key, State: uidl.Wanted, Size: f.Size, FirstSeen: s.desk.stamp(), Attempts: f.Row.Attempts,
			}})
		}
	}
	if len(s.on.plan.Whole)+len(s.on.plan.Moot)+len(back) == 0 {
		return nil
	}
	return s.desk.Settler.Change(ctx, func(c *uidl.Change) {
		c.Put = back
		for _, k := range s.on.plan.Whole {
			c.Mark = append(c.Mark, s.desk.Settler.Whole(k.Key, k.Row.Facts, s.desk.Settler.Set))
		}
		s.desk.Settler.DropMoot(c, s.on.plan.Moot)
	})
}

// announcePlan tells whoever watches how much is to be fetched: what came in earlier sessions and what this one plans, as
// far as the limit goes.
func (s *session) announcePlan() {
	all, started := s.desk.haul.received()
	left := s.desk.Account.Policy.Limit - started
	for i := range s.on.plan.Fetch {
		f := &s.on.plan.Fetch[i]
		if s.desk.Account.Policy.Limit > 0 && f.Row.State == 0 {
			if left <= 0 {
				break
			}
			left--
		}
		all.messages++
		all.octets += f.Size
	}
	s.desk.rec.Count(func(r *report.Report) { r.Planned, r.PlannedBytes = all.messages, all.octets })
	s.desk.rec.Progress()
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
	s.desk.rec.Reason("the server's listing is not complete")
	v := incomplete(list)
	s.desk.rec.Befell(v)
}

// blind notes that mail stays unfetched because nothing tells new from old.
func (s *session) blind() {
	s.desk.rec.Befell(unnamed)
}

// noteSkipped writes down a message that policy leaves on the server, once; next is when to look again, if not always.
func (d *Desk) noteSkipped(c *uidl.Change, f plan.FetchStep, next int64) {
	switch {
	case f.Reason != plan.ReasonTooLarge, f.Key.UID == "":
	case f.Row.State == 0:
		c.Put = append(c.Put, uidl.Message{Reason: f.Reason, Row: uidl.Row{
			Key: f.Key, State: uidl.Skipped, Size: f.Size, FirstSeen: d.stamp(), NextTry: next,
		}})
	case f.Row.State != uidl.Skipped || f.Row.Size != f.Size || next > 0:
		c.Mark = append(c.Mark, uidl.Mark{Key: f.Key, State: uidl.Skipped, Size: f.Size, Attempts: f.Row.Attempts,
			NextTry: next, Reason: f.Reason})
	}
}

// quit deletes what this session delivered, if the policy says so, and ends it.
func (s *session) quit(ctx context.Context, listing *pop3.Listing) (more bool, err error) {
	ended, err := s.deleter.quitDeleting(ctx, s.p.blocked)
	if err != nil || !ended.sent {
		return false, err
	}
	if !s.on.cut && !s.on.partial && !s.desk.turns.Suspecting { // a session for single messages has not met the others
		s.p.mailbox.settledIn()
	}
	if !ended.confirmed {
		return false, nil
	}
	if err := ended.blocked; err != nil {
		return false, err
	}
	s.rememberListing(listing)
	brought := s.desk.haul.brought()
	return s.on.cut && (brought || ended.marked || s.desk.turns.Purpose == health.KnownMail && s.on.steps.Done > 0) || s.desk.Account.RetrHides && brought, ctx.Err()
}
