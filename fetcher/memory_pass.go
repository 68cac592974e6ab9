package fetcher

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
)

// waitingMemory is what Report.Waiting says.
const waitingMemory = "memory"

// memoryAgain is when a pass that waited for memory in vain is made again.
const memoryAgain = time.Minute

// bounded has do make a session within the budget for memory. A listing that must give way to others is asked for again once there
// is room, if the server does not mind another login.
func (p *pass) bounded(ctx context.Context, do func(context.Context) (more bool, err error)) (more bool, err error) {
	need, begun := p.expected(), time.Now()
	for {
		left := max(p.desk.Options.Memory.Patience()-time.Since(begun), 0)
		share, err := p.desk.Options.Memory.Take(ctx, need, left, func() { p.waitsForMemory(true) })
		switch {
		case errors.Is(err, memory.ErrNoMemory):
			return false, p.noMemory()
		case err != nil:
			p.waitsForMemory(false)
			return false, err
		}
		p.waitsForMemory(false)
		more, err = p.sharing(ctx, share, do)
		var cut *memory.CutError
		if !errors.As(err, &cut) || ctx.Err() != nil {
			return more, err
		}
		need = max(cut.Need, need)
		p.desk.Log.Debug("listing given up for now", zap.String("reason", cut.Error()))
		if p.desk.Health.TooSoon() {
			p.waitsForMemory(true)
			return false, p.noMemory()
		}
	}
}

// sharing makes a session with a share of the budget, and gives it back whatever happens.
func (p *pass) sharing(ctx context.Context, s *memory.Share, do func(context.Context) (more bool, err error)) (more bool, err error) {
	p.desk.Share = s
	defer func() {
		p.desk.Share = nil
		s.Release()
	}()
	return do(ctx)
}

// expected is how much memory a session is likely to take: what the last one took, as far as that is known.
func (p *pass) expected() int64 {
	const uid = 40 // octets; most have fewer
	f := &p.desk.Health.Facts
	list, rows := f.ListOctets, f.RowOctets
	if list == 0 {
		list = int64(f.Listed) * (pop3.EntryOctets + plan.OrderOctets + uid)
	}
	if rows == 0 {
		rows = int64(f.Rows) * (32 + uid)
	}
	if f.Unchanged != nil && p.desk.Haul.SessionsBegun() == 0 {
		rows = 0 // they are not likely to be read
	}
	steps := int64(max(f.Listed-f.Rows, 0)) * plan.StepOctets // what is not fetched yet
	return memory.PassOctets + list + list/64 + rows + rows/64 + steps
}

// lists asks for a listing, with its memory.
func (s *session) lists(ctx context.Context, c *pop3.Client) (*pop3.Listing, error) {
	ctx, done := s.desk.Share.Listing(ctx)
	defer done()
	list, err := server.ListTwice(ctx, c)
	if err != nil {
		return nil, err
	}
	s.desk.Health.ListOctets = list.Memory() + plan.OrderOctets*int64(list.Len())
	return list, s.desk.Share.Set(memory.OfListing, s.desk.Health.ListOctets)
}

// growsRows is told how much the ledger's rows take.
func (s *session) growsRows(octets int64) error { return s.desk.Share.Set(memory.OfRows, octets) }

// fits makes sure of the memory for a plan, and gives back what is not needed.
func (s *session) fits(list plan.Listing, known *plan.Rows) error {
	s.desk.Health.RowOctets = max(s.desk.Health.RowOctets*b2i64(s.head.found), known.Memory())
	if err := s.desk.Share.Set(memory.OfRows, known.Memory()); err != nil {
		return err
	}
	steps := max(list.Len()-known.Len(), 0)
	if err := s.desk.Share.Set(memory.OfPlan, int64(steps)*plan.StepOctets); err != nil {
		return err
	}
	s.desk.Share.Fit()
	return nil
}

func b2i64(b bool) int64 { return int64(desk.Count(b)) }

// waitsForMemory tells whoever watches.
func (p *pass) waitsForMemory(on bool) {
	text := ""
	if on {
		text = waitingMemory
	}
	p.desk.Rec.WaitsFor(text)
}

// noMemory is the error of a pass that waited in vain: memory.ErrNoMemory where it has begun all the same, and the rest comes with the
// next one.
func (p *pass) noMemory() error {
	if p.desk.Haul.SessionsBegun() > 0 {
		p.waitsForMemory(false)
		p.desk.Rec.Mention("waiting for memory: the mailboxes of other accounts take all that there is; the rest comes with the next pass")
		return memory.ErrNoMemory
	}
	return &health.HeldError{Verdict: verdict.Verdict{
		Class: verdict.Temporary, Message: memory.ErrNoMemory.Error(),
		Hint: "nothing to do: the next pass tries again. If it happens often, lower parallel, or allow more: limits.memory, and MemoryMax of the service",
	}}
}
