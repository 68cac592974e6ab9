package fetcher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/deletions"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/reading"
	"github.com/popsync/popsync/fetcher/rebuild"
	"github.com/popsync/popsync/fetcher/recognise"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// session is one connection of a pass.
type session struct {
	p       *pass
	desk    *desk.Desk
	on      *desk.Session
	headers *headers.Tops
	known   *recognise.Recogniser
	deleter *deletions.Deleter
	reader  *reading.Reader
	head    *sameHead
	leftOut []plan.Entry // in a dry run: what a first fetch would leave out
}

// newSession is a session that is not connected yet.
func (p *pass) newSession() *session {
	on := &desk.Session{Desk: p.desk, Started: p.desk.Now()}
	on.Steps = steps.Session{Turns: &p.desk.Turns, Account: p.desk.Health, Brought: p.desk.Haul.Brought, Own: []error{health.ErrNoScan, reading.ErrShort, reading.ErrUnproven}}
	p.shorts.On = on
	tops := &headers.Tops{Desk: p.desk, On: on}
	known := recognise.New(p.desk, on, tops, p.mailbox)
	return &session{p: p, desk: p.desk, on: on, headers: tops, known: known, head: &sameHead{desk: p.desk, on: on},
		deleter: &deletions.Deleter{Desk: p.desk, On: on}, reader: reading.New(p.desk, on, known, p.shorts)}
}

// session connects, lists, plans, and carries the plan out. more tells that another session has work to do.
func (p *pass) session(ctx context.Context) (more bool, err error) {
	s := p.newSession()
	defer func() {
		if s.on.C != nil {
			s.on.C.Close()
		}
		s.deleter.RollBack()
	}()
	listing, known, err := s.connect(ctx)
	if err != nil {
		return false, err
	}
	s.desk.Turns.Retry = nil
	s.on.Show(listing)
	s.desk.Turns.WeighStumble(true)
	if listing.NoUIDL && (s.on.C.Capabilities().UIDL || known.Named()) {
		return false, server.UIDLRefused(listing)
	}
	s.on.Number, s.on.Listed = p.begin(), listing.Len()
	s.on.Clock = p.desk.Settler.L.Info().Clock
	if listing.Complete {
		s.on.Clock, _ = s.on.Clock.Listed(p.desk.ListedAt())
	}
	s.desk.Confirmed = s.on.Clock.Now(p.desk.Now().Unix())
	named, complete, err := s.names(ctx, listing, known)
	if err != nil {
		return false, err
	}
	s.on.Show(named)
	s.known.Doubted = s.desk.Health.Verify
	if !s.head.found {
		known, err = s.desk.Lost.Rebuild(ctx, named, complete, known, rebuild.Look{DryRun: s.desk.Options.DryRun, Headers: s.headers.Fingerprints,
			Weak: func(num int) bool { return s.headers.Weak[num] }, Memory: func(octets int64) error { return s.desk.Share.Set(memory.OfPlan, octets) }})
		s.desk.Account.NeverDelete = s.desk.Account.NeverDelete || s.desk.Lost.Found
		if err != nil {
			return false, err
		}
	}
	if err := s.fits(named, known); err != nil {
		return false, err
	}
	if known, err = s.firstFetch(ctx, named, known); err != nil {
		return false, err
	}
	s.on.Rows = known
	s.on.Plan = s.makePlan(named, complete, known)
	s.on.Plan.Kept += s.head.n
	if err := s.desk.Share.Set(memory.OfPlan, s.on.Plan.Memory()); err != nil {
		return false, err
	}
	s.deleter.Heeded(complete)
	if !s.head.found {
		s.on.Steps.ForgetMarks(listing, complete, s.on.Plan)
	}
	s.forPurpose()
	if p.desk.Options.DryRun {
		if err := (dryRun{s, s.desk, s.on}).decide(ctx, complete, known, listing.Len()); err != nil {
			return false, err
		}
		return false, s.on.C.Quit(ctx)
	}
	if err := s.known.Renewal.Renewed(ctx, complete, known); err != nil {
		return false, err
	}
	if err := s.breaker(listing.Len()); err != nil {
		_ = s.on.C.Quit(ctx) // nothing was asked of the server that QUIT could make count
		return false, err
	}
	if err := s.noteWhole(ctx); err != nil {
		return false, err
	}
	if err := s.recognise(ctx); err != nil {
		return false, err
	}
	s.p.shorts.Sift(complete)
	if err := s.noteManySkipped(ctx); err != nil {
		return false, err
	}
	s.note(listing)
	if err := s.giveUpGone(ctx, complete); err != nil {
		return false, err
	}
	s.announcePlan()
	if err := s.deleter.DeleteDue(ctx); err != nil {
		return false, err
	}
	err = s.reader.Retrieve(ctx)
	if err := cmp.Or(s.known.Renewal.KeepAdopted(ctx, err), err); err != nil {
		return false, err
	}
	s.desk.Turns.FetchedNew = s.desk.Turns.FetchedNew || !s.on.Cut && s.desk.Turns.Purpose <= health.NewMail
	if err := s.sent(ctx); err != nil {
		return false, err
	}
	return s.quit(ctx, listing)
}

// names is the listing in which messages without a unique-id have a name too. The session's head is left out.
func (s *session) names(ctx context.Context, l *pop3.Listing, known *plan.Rows) (names plan.Listing, complete bool, err error) {
	if s.head.found { // then all have a unique-id: see begins
		return tail{l, s.head.n}, l.Complete, nil
	}
	return s.headers.Name(ctx, l, known)
}

// recognise finds out which messages are known ones.
func (s *session) recognise(ctx context.Context) error {
	if err := s.known.TellTwins(ctx); err != nil {
		return err
	}
	s.deleter.SkipAsked()
	return s.known.Recognise(ctx)
}

// sent waits until what this session brought has been sent, if it is to be deleted then, for as long as a session may
// last. What takes longer is deleted by a later one.
func (s *session) sent(ctx context.Context) error {
	waits := s.desk.Account.Policy.Delete == plan.DeleteAfterDelivery ||
		slices.ContainsFunc(s.on.Plan.Fetch, func(f plan.FetchStep) bool { return s.on.GoesAtOnce(f.Entry) })
	if !waits || s.desk.Account.NeverDelete {
		return nil
	}
	_, err := s.desk.Settler.Drain(s.desk.Options.SessionTime-s.desk.Now().Sub(s.on.Started), func() { _ = s.on.C.Noop(ctx) })
	return err
}

// connect logs in and lists, while the ledger's rows load. If these may not be needed, the listing comes first.
func (s *session) connect(ctx context.Context) (*pop3.Listing, *plan.Rows, error) {
	if u := s.head.mayBe(); u != nil {
		list, err := s.login(ctx)
		if err != nil {
			return nil, nil, err
		}
		known := &plan.Rows{}
		same, err := s.head.begins(ctx, list, u)
		if same && checkUnchanged != nil {
			checkUnchanged(ctx, s, list)
		}
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
	if s.desk.Share != nil {
		opts.Grow = func(octets int64) error { return s.desk.Share.Set(memory.OfListing, octets) }
	}
	s.desk.Health.Current(s.desk.Now())
	opts.NoPipelining = opts.NoPipelining || s.desk.Alone || s.desk.Turns.Suspecting || s.on.Steps.Careful() || s.desk.Health.NoPipeliningUntil != 0
	opts.NoCapa = opts.NoCapa || s.desk.Health.Quirks.NoCapaUntil != 0
	list, err := s.enter(ctx, opts)
	if err != nil {
		if list, err = s.enterWithoutCapa(ctx, opts, err); err != nil {
			return nil, err
		}
	}
	if caps := s.on.C.Capabilities(); caps.Known { // by now those of this user
		s.desk.Health.LoginDelay = int64(caps.LoginDelay / time.Second)
		// RFC 2449, section 6.7: "EXPIRE 0" says that what was retrieved goes when QUIT comes.
		s.desk.Expires = caps.Expire == "0"
		s.desk.Account.RetrHides = s.desk.Account.RetrHides || s.desk.Expires
	}
	return list, nil
}

func (s *session) makePlan(list plan.Listing, complete bool, known *plan.Rows) *plan.Plan {
	most := s.desk.Options.SessionMessages
	if s.desk.Turns.Purpose != health.Everything || s.desk.Health.Stumbles.Breaks() { // all are looked at for what broke sessions
		most = 0
	}
	return plan.Make(plan.Input{
		Listing: list, Order: plan.SortedByUID(list), Complete: complete, Rows: known, Open: s.desk.Settler.Pending, Set: s.desk.Settler.Set,
		Policy: s.desk.Account.Policy, NeverDelete: s.desk.Account.NeverDelete, Aged: s.on.Clock.Aged, Confirmed: s.on.Clock.Confirmed,
		Elsewhere: s.desk.Elsewhere, Met: s.p.mailbox.Met, Now: s.desk.Now(), Waits: s.desk.Health.Waits, Short: s.desk.Health.Wire.Watched(),
		HoldUntil: s.desk.Settler.HoldUntil(), Most: most, ShowLater: s.desk.Options.DryRun, Deleted: s.desk.Deleted,
	})
}

// note carries what the listing itself changes in the ledger to the next commit, and the listing's part of the report.
func (s *session) note(list *pop3.Listing) {
	pl := s.on.Plan
	s.desk.Health.Listed = list.Len()
	gone := s.known.Renewal.Gone()
	s.desk.Settler.Later(func(c *uidl.Change) {
		c.At = s.desk.ListedAt()
		c.Listed = c.Listed || list.Complete
		c.Purge = c.Purge || pl.Purge
		if c.Gone == nil {
			c.Gone = gone
		} else {
			c.Gone = append(c.Gone, gone...)
		}
		if len(pl.Skipped) <= headers.Chunk {
			for _, f := range pl.Skipped {
				s.desk.NoteSkipped(c, f, 0)
			}
		}
	})
	s.desk.Rec.Count(func(r *report.Report) {
		r.Listed, r.Kept, r.Parked, r.Pending, r.Skipped = list.Len(), pl.Kept, pl.Parked, pl.Pending, len(pl.Skipped)
		r.Held = pl.Back.Len()
		r.Kept += s.desk.Haul.Expect(pl.OnWay)
	})
	s.noteHeld()
	s.noteWithheld()
	for _, f := range pl.Skipped {
		s.desk.Rec.Reason(f.Reason.String())
		if f.Reason.Is(plan.ReasonNoUID) {
			s.blind()
		}
	}
	s.checkListing(list)
}

// noteWhole notes as delivered what lacks nothing any more, because a destination was removed or what was open for it released,
// and as wanted anew what failed before it left the listing, or in another mailbox: it may be another message.
func (s *session) noteWhole(ctx context.Context) error {
	var back []uidl.Message
	for i := range s.on.Plan.Fetch {
		if f := &s.on.Plan.Fetch[i]; f.Returned() || s.desk.Elsewhere && f.Row.State != 0 && !f.Owed && !f.Compare {
			back = append(back, uidl.Message{Reason: f.Reason.String(), Row: uidl.Row{
				Key: f.Key, State: uidl.Wanted, Size: f.Size, FirstSeen: s.desk.Stamp(), Attempts: f.Row.Attempts,
			}})
		}
	}
	if len(s.on.Plan.Whole)+len(s.on.Plan.Moot)+len(back) == 0 {
		return nil
	}
	return s.desk.Settler.Change(ctx, func(c *uidl.Change) {
		c.Put = back
		for _, k := range s.on.Plan.Whole {
			c.Mark = append(c.Mark, s.desk.Settler.Whole(k.Key, k.Row.Facts, s.desk.Settler.Set))
		}
		s.desk.Settler.DropMoot(c, s.on.Plan.Moot)
	})
}

// announcePlan tells whoever watches how much is to be fetched: what came in earlier sessions and what this one plans, as
// far as the limit goes.
func (s *session) announcePlan() {
	all, used := s.desk.Haul.Received()
	policy := &s.desk.Account.Policy
	for i := range s.on.Plan.Fetch {
		f := &s.on.Plan.Fetch[i]
		if used.Full(policy, f.Size, f.Row.State == 0) {
			break
		}
		used = used.With(f.Size, f.Row.State == 0)
		all.Messages++
		all.Octets += f.Size
	}
	s.desk.Rec.Count(func(r *report.Report) { r.Planned, r.PlannedBytes = all.Messages, all.Octets })
	s.desk.Rec.Progress()
}

// checkListing notes a listing that cannot be relied on: what it lacks is not taken for gone, and what made no sense in
// it, or stood in half of it, is mail that nobody sees.
func (s *session) checkListing(list *pop3.Listing) {
	if list.Complete {
		return
	}
	s.desk.Rec.Reason("the server's listing is not complete")
	v := server.Incomplete(list)
	s.desk.Rec.Befell(v)
}

// blind notes that mail stays unfetched because nothing tells new from old.
func (s *session) blind() {
	s.desk.Rec.Befell(server.Unnamed)
}

// quit deletes what this session delivered, if the policy says so, and ends it.
func (s *session) quit(ctx context.Context, listing *pop3.Listing) (more bool, err error) {
	ended, err := s.deleter.Quit(ctx, s.p.blocked)
	if err != nil || !ended.Sent {
		return false, err
	}
	if !s.on.Cut && !s.on.Partial && !s.desk.Turns.Suspecting { // a session for single messages has not met the others
		s.p.mailbox.SettledIn()
	}
	if !ended.Confirmed {
		return false, nil
	}
	if err := ended.Blocked; err != nil {
		return false, err
	}
	s.head.remember(listing, s.known.Renewal.Comparing())
	brought := s.desk.Haul.Brought()
	return s.on.Cut && (brought || ended.Marked || s.desk.Turns.Purpose == health.KnownMail && s.on.Steps.Done > 0) || s.desk.Account.RetrHides && brought, ctx.Err()
}
