package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A first fetch: of a mailbox that is seen for the first time, policy may want a part only. The rest is marked as a baseline marks it.
//
// What was listed then is written down before any of it is dealt with, so that a pass that is killed goes on with these, and what came
// meanwhile is new. The fetching begins when all are dealt with. A mailbox is first seen once: neither another mailbox under the account's
// name nor a ledger that was lost or is an older copy makes it new.

// firstFetchError tells why the first fetch cannot leave out what policy says. Nothing is fetched.
type firstFetchError struct{ why, next string }

func (e *firstFetchError) Error() string { return e.why }

// Judge makes it a matter of the configuration.
func (e *firstFetchError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Class, v.Hint = verdict.Config, e.next
	return v
}

var (
	errNoDates = &firstFetchError{"first_fetch goes by the dates of messages, and the server does not show their headers (it has no TOP that works): nothing is fetched",
		`set first_fetch = "new", "last 100" or "all" for this account`}
	errNoNames = &firstFetchError{"first_fetch cannot leave anything out: the server gives no message a unique-id, and shows no headers, so nothing can be remembered of what is there; nothing is fetched",
		`set first_fetch = "all" for this account`}
)

// firstOctets is what it takes to leave a message out, with the row that is made of it.
const firstOctets = 250

// firstFetch deals with what a mailbox had when it was first seen, unless that was done. It returns the rows as they are then.
func (s *session) firstFetch(ctx context.Context, list plan.Listing, known *plan.Rows) (*plan.Rows, error) {
	h, policy := s.desk.Health, s.desk.Account.Policy.First
	if s.head.found {
		return known, nil
	}
	if h.First == nil && s.isFirst(known) {
		if err := s.beginFirst(ctx, list); err != nil {
			return known, err
		}
	}
	if h.First == nil || h.First.Before == nil {
		return known, nil
	}
	if !policy.Only || s.known.Doubted || s.desk.Lost.Found || h.First.Mailbox != s.desk.Account.Mailbox {
		return known, s.endFirst(ctx, known) // the rest is dealt with as by a pass that is not the first
	}
	left := plan.BeforeOf(h.First.Before).LeftOut(list, known)
	if policy.Last != h.First.Last { // another one was configured when the pass before was killed
		left = left[:max(0, len(left)-policy.Last)]
	}
	if err := s.desk.Share.Set(memory.OfPlan, int64(len(left))*firstOctets); err != nil {
		return known, err
	}
	rows, err := s.leaveOut(ctx, left, known)
	if err != nil {
		return known, err
	}
	return rows, s.endFirst(ctx, rows)
}

// isFirst tells whether nothing was ever known of the account's mail, and policy does not want all of it.
func (s *session) isFirst(known *plan.Rows) bool {
	h := s.desk.Health
	return s.desk.Account.Policy.First.Only && known.Len() == 0 && s.desk.Settler.L.Info().Listings == 0 && len(s.desk.Settler.Pending) == 0 &&
		!s.known.Doubted && !s.desk.Lost.Found && h.LostAt == 0
}

// beginFirst writes down what may be left out. Where nothing tells messages apart, and policy reads them all, it is refused.
func (s *session) beginFirst(ctx context.Context, list plan.Listing) error {
	nameless := 0
	for i := range list.Len() {
		nameless += desk.Count(!list.At(i).HasUID)
	}
	if nameless > 0 && s.desk.Account.Policy.Delete == plan.DeleteAfterDelivery && !s.desk.Account.NeverDelete { // else they stay unread
		if nameless == list.Len() {
			_ = s.on.C.Quit(ctx) // nothing was asked that QUIT could make count
			return errNoNames
		}
		s.desk.Rec.Mention(fmt.Sprintf("%s no unique-id, so that first_fetch cannot leave %s out",
			words.Plural(nameless, "1 message has", fmt.Sprintf("%d messages have", nameless)), words.Plural(nameless, "it", "them")))
	}
	if nameless > 0 && nameless == list.Len() {
		return nil
	}
	s.p.mailbox.SettledIn() // nothing is known of another mailbox
	policy := s.desk.Account.Policy.First
	first := &health.FirstFetch{At: s.desk.ListedAt(), Mailbox: s.desk.Account.Mailbox, Last: policy.Last}
	if before := policy.Before(list); len(before) > 0 {
		s.desk.Health.NoteBaseline(s.desk.Health.Marks+health.MarksEach, len(before), false, s.desk.Now())
		s.desk.Health.Baselined.First = true
		first.Before = before.Octets()
	}
	s.desk.Health.First = first
	return s.noteFirst(ctx)
}

// leaveOut marks messages as seen, but for those that are young enough. Their headers are worth having, so that they are recognised under
// other unique-ids, and needed only where they tell how old a message is.
func (s *session) leaveOut(ctx context.Context, left []plan.Entry, known *plan.Rows) (*plan.Rows, error) {
	var all []uidl.Message
	mark := health.MarkOf(s.desk.Health.Baselined.Mark, false)
	age := s.desk.Account.Policy.First.Age
	since := time.Unix(s.desk.Health.First.At, 0).Add(-age)
	look := &firstLook{s: s, dated: age > 0, most: len(left)}
	if !s.on.C.Capabilities().Pipelining {
		look.most = cheapHeaders
	}
	for chunk := range slices.Chunk(left, headers.Chunk) {
		lookErr := look.at(ctx, chunk)
		if err := ctx.Err(); err != nil {
			return known, context.Cause(ctx)
		}
		if errors.Is(lookErr, errNoDates) {
			_ = s.on.C.Quit(ctx)
			return known, lookErr
		}
		var old []uidl.Message
		for _, e := range chunk {
			if came, dated := look.came[e.Num]; age == 0 || dated && came.Before(since) {
				old = append(old, s.seen(e, look.tops[e.Num], mark))
				if s.desk.Options.DryRun {
					s.leftOut = append(s.leftOut, e)
				}
			}
		}
		if s.desk.Options.DryRun {
			all = append(all, old...)
		} else if len(old) > 0 {
			if err := s.desk.Settler.Commit(ctx, uidl.Change{At: s.desk.ListedAt(), Put: old}); err != nil {
				return known, err
			}
		}
		if lookErr != nil { // what is known to be old is left out, and the next session goes on
			return known, lookErr
		}
	}
	if s.desk.Options.DryRun {
		return known.With(all), nil
	}
	return plan.LoadRows(ctx, s.desk.Settler.L, s.growsRows)
}

// firstLook gets headers of messages that may be left out.
type firstLook struct {
	s     *session
	dated bool // they are needed
	most  int  // else: how many more are asked for

	tops map[int]uidl.Fingerprint
	came map[int]time.Time // when the server received them
}

// at looks at some messages. An error ends the session; without need of their headers there is none.
func (l *firstLook) at(ctx context.Context, chunk []plan.Entry) (err error) {
	nums := make([]int, len(chunk))
	for i, e := range chunk {
		nums[i] = e.Num
	}
	if l.dated {
		has := false
		if l.tops, l.came, has, err = l.s.headers.Dated(ctx, nums); err == nil && !has {
			err = errNoDates
		}
		return err
	}
	l.tops = nil
	if nums = nums[:min(len(nums), l.most)]; len(nums) == 0 || l.s.desk.Options.DryRun {
		return nil
	}
	more := false
	if l.tops, more = l.s.headers.Part(ctx, nums); !more {
		l.most = 0
	}
	l.most = max(0, l.most-len(nums))
	return nil
}

// endFirst notes that all are dealt with, or that the rest is not to be, and tells how many were left out.
func (s *session) endFirst(ctx context.Context, rows *plan.Rows) error {
	mark := uidl.Facts{Have: uidl.Seen, Generation: health.MarkOf(s.desk.Health.Baselined.Mark, false)}
	n := 0
	for i := range rows.Len() {
		n += desk.Count(rows.Kinds[rows.At(i).Kind] == mark)
	}
	if s.desk.Health.Baselined.Marked = n; n == 0 {
		s.desk.Health.Baselined = nil
	}
	s.desk.Health.EndFirst()
	s.desk.Rec.Count(func(r *report.Report) { r.LeftOut = n })
	switch there := words.Plural(n, "1 message that was there before", fmt.Sprintf("%d messages that were there before", n)); {
	case n == 0:
	case s.desk.Options.DryRun:
		s.desk.Rec.Mention(fmt.Sprintf("the first run would leave out %s, as first_fetch says", there))
	default:
		s.desk.Rec.Mention(fmt.Sprintf("the first run left out %s, as first_fetch says: %s on the server; to have %s fetched all the same say: popsync baseline --undo %s",
			there, words.Plural(n, "it stays", "they stay"), words.Plural(n, "it", "them"), s.desk.Account.Name))
	}
	return s.noteFirst(ctx)
}

// noteFirst commits how the first fetch stands.
func (s *session) noteFirst(ctx context.Context) error {
	if s.desk.Options.DryRun {
		return nil
	}
	return s.desk.Settler.Commit(ctx, uidl.Change{At: s.desk.ListedAt(), Status: s.desk.Status()})
}
