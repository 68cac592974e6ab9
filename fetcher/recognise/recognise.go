// Package recognise finds out which messages are known ones.
//
// A unique-id says little: servers give it to another message, give a known message another one, or give one to several. So
// messages are recognised by the fingerprint of their header (TOP), or by their content once they are read:
//   - Recogniser: what is due for deletion, and what came under a known unique-id with another size or after an absence;
//   - its twins: messages that share a unique-id, which are told apart by all of their headers;
//   - Renewal: known messages under new unique-ids (an epoch change);
//   - Mailbox: another mailbox under the account's name.
//
// It changes the plan of the session, and carries what it found to the next commit (settle.Settler.Later); only what must count whatever
// comes is committed here. It never retrieves and never deletes. What cannot be told stays as it is: it is not deleted, and it is
// retrieved and compared rather than taken for known. The fetcher calls it before deleting and reading; fetcher/reading asks it
// about what was read.
package recognise

import (
	"cmp"
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// Recogniser finds out which messages are known ones.
type Recogniser struct {
	desk    *desk.Desk
	on      *desk.Session
	headers *headers.Tops
	mailbox *Mailbox
	Renewal *Renewal
	twins   *twins

	Details  map[uidl.Key]*uidl.Message // of the rows in question
	stands   map[uidl.Key]bool          // rows whose message was read, is listed with another size and is the same
	Doubted  bool                       // the ledger may be an older copy
	free     map[string]int             // of unique-ids whose messages are all compared in this session: a place that none has
	homeless []*uidl.Message            // and of those messages: whose places others took

	owedBefore *[]*uidl.Message // see ComesAnew; nil: not read yet
}

// New is a recogniser of one session. It looks at nothing before there is a plan.
func New(d *desk.Desk, on *desk.Session, h *headers.Tops, m *Mailbox) *Recogniser {
	g := &Recogniser{desk: d, on: on, headers: h, mailbox: m, Renewal: &Renewal{desk: d, on: on, headers: h, mailbox: m}}
	g.twins = &twins{desk: d, on: on, headers: h, known: g}
	return g
}

// TellTwins tells messages that share a unique-id from each other, and finds what is on its way at the place where it is listed now.
func (g *Recogniser) TellTwins(ctx context.Context) error {
	if err := g.twins.recogniseTwins(ctx); err != nil {
		return err
	}
	return g.twins.placeOnWay(ctx)
}

// Recognise makes sure of messages before anything that cannot be undone: those due for deletion (the delete guard)
// and those that may be others than the ledger thinks. A header fingerprint by TOP decides. Without TOP, a due message
// passes if its size is the same and it was never missing from a listing; one in question is retrieved and compared.
func (g *Recogniser) Recognise(ctx context.Context) error {
	pl := g.on.Plan
	g.on.Cut = g.on.Cut || pl.Later > 0
	if len(pl.Due) > g.desk.Options.SessionMessages {
		// Those that share a UID may have to stay; they must not take the others' places for ever.
		slices.SortStableFunc(pl.Due, func(a, b plan.KnownStep) int { return cmp.Compare(desk.Count(a.Shared), desk.Count(b.Shared)) })
		pl.Due, g.on.Cut = pl.Due[:g.desk.Options.SessionMessages], true
	}
	steps := slices.Concat(pl.Due, pl.Question)
	if len(steps) == 0 {
		return nil
	}
	if err := g.loadDetails(ctx, steps); err != nil {
		return err
	}
	tops, err := g.tops(ctx, steps)
	if err != nil {
		return err
	}
	if g.desk.CutFlights == 0 && !g.desk.Alone && !g.desk.Turns.Suspecting { // else they were counted by the session before
		g.desk.Rec.Count(func(r *report.Report) { r.Questioned += len(pl.Question) })
	}
	due := pl.Due
	pl.Due = nil
	shared := map[string][]plan.KnownStep{}
	for _, k := range due {
		if k.Shared {
			shared[k.Key.UID] = append(shared[k.Key.UID], k)
			continue
		}
		if err := g.guard(ctx, k, tops[k.Num]); err != nil {
			return err
		}
	}
	for _, group := range shared {
		if err := g.guardShared(ctx, group, tops); err != nil {
			return err
		}
	}
	for _, k := range pl.Question {
		if err := g.answer(ctx, k, tops[k.Num]); err != nil {
			return err
		}
	}
	pl.Sort()
	return nil
}

// loadDetails reads the fingerprints and hashes of the rows at hand.
func (g *Recogniser) loadDetails(ctx context.Context, steps []plan.KnownStep) error {
	g.Details = make(map[uidl.Key]*uidl.Message, len(steps))
	keys := make([]uidl.Key, len(steps))
	for i := range steps {
		keys[i] = steps[i].Key
	}
	for chunk := range slices.Chunk(keys, 500) {
		found, err := g.desk.Settler.L.Find(ctx, chunk)
		if err != nil {
			return err
		}
		for i := range found {
			g.Details[found[i].Key] = &found[i]
		}
	}
	return nil
}

// tops fetches the headers of messages, pipelined, and returns their fingerprints by number; what is missing or zero
// could not be had.
func (g *Recogniser) tops(ctx context.Context, steps []plan.KnownStep) (map[int]uidl.Fingerprint, error) {
	nums := make([]int, len(steps))
	for i := range steps {
		nums[i] = steps[i].Num
	}
	slices.Sort(nums)
	return g.headers.Fingerprints(ctx, nums)
}
