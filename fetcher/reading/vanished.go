package reading

import (
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// A message may leave between the listing and its RETR: another client deletes it. The server says so, and nothing failed. But
// a text proves nothing: the next listing tells. What is listed again is asked for again, and when the server repeats
// itself that is a failure like any other, so that it does not go on in silence.

// declined deals with the refusal of a RETR.
func (r *Reader) declined(f *plan.FetchStep, err error) error {
	if !verdict.SaysGone(err) {
		r.failed(f, err, false)
		return nil
	}
	again, ferr := r.vanished(f)
	switch {
	case ferr != nil:
		return ferr
	case again:
		r.failed(f, fmt.Errorf("%s, and lists it: %w", desk.ReasonVanished, err), false)
		return nil
	}
	r.desk.Rec.Reason(desk.ReasonVanished)
	r.desk.Log.Info("gone before it was fetched", zap.String("uid", words.Quote(f.Key.UID)), zap.String("reason", words.Clip(err.Error())))
	return nil
}

// vanished notes that the server said of a message that it is gone; again tells that it had said so before.
func (r *Reader) vanished(f *plan.FetchStep) (again bool, err error) {
	if f.Compare || f.Key.UID == "" {
		return r.desk.SaysGoneAgain(), nil
	}
	found, err := r.desk.Settler.L.Find(r.ctx, []uidl.Key{f.Key})
	if err != nil {
		return false, fmt.Errorf("reading the ledger: %w", err)
	}
	if len(found) > 0 && strings.HasPrefix(found[0].Reason, desk.ReasonVanished) {
		return true, nil
	}
	c := uidl.Change{At: r.desk.Now().Unix()}
	if len(found) > 0 {
		row := &found[0].Row
		c.Mark = []uidl.Mark{{Key: row.Key, State: row.State, Attempts: row.Attempts, NextTry: row.NextTry, Reason: desk.ReasonVanished}}
	} else {
		c.Put = []uidl.Message{{Reason: desk.ReasonVanished, Row: uidl.Row{
			Key: f.Key, State: uidl.Wanted, Size: f.Size, FirstSeen: r.desk.Stamp(),
		}}}
	}
	r.desk.Settler.Later(func(carry *uidl.Change) { *carry = settle.Merge(*carry, c) })
	return false, nil
}
