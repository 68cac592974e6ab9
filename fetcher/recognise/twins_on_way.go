package recognise

import (
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// placeOnWay finds messages that are on their way to a destination, and are listed at another place of their unique-id now:
// of those that share one some were hidden, or one left. They are not fetched once more: what is on its way moves to the
// place that its message has. Where headers cannot be had, each is taken for what its place says.
func (t *twins) placeOnWay(ctx context.Context) error {
	if t.desk.Turns.Purpose == health.NewMail { // no header of what is known is asked for
		return nil
	}
	fetched := map[string]bool{}
	for i := range t.on.Plan.Fetch {
		if f := &t.on.Plan.Fetch[i]; f.Row.State == 0 {
			if n := t.on.Plan.Shared(f.Key.UID); n > 1 && n <= twinsMost {
				fetched[f.Key.UID] = true
			}
		}
	}
	onWay := map[string][]uidl.Key{}
	for k, open := range t.desk.Settler.Pending {
		if fetched[k.UID] && open.Copies() {
			onWay[k.UID] = append(onWay[k.UID], k)
		}
	}
	if len(onWay) == 0 {
		return nil
	}
	at, nums := map[uidl.Key]int{}, []int{}
	dups := map[string]int{}
	for i := range t.on.List.Len() { // in the order of its numbers
		e := t.on.List.At(i)
		if onWay[e.UID] == nil || !e.HasUID {
			continue
		}
		at[uidl.Key{UID: e.UID, Dup: dups[e.UID]}] = e.Num
		nums = append(nums, e.Num)
		dups[e.UID]++
	}
	tops, err := t.headers.Fingerprints(ctx, nums)
	if err != nil {
		return err
	}
	for _, keys := range onWay {
		if err := t.moveOnWay(ctx, keys, at, tops); err != nil {
			return err
		}
	}
	return nil
}

// moveOnWay does that for the messages of one unique-id that are on their way.
func (t *twins) moveOnWay(ctx context.Context, keys []uidl.Key, at map[uidl.Key]int, tops map[int]uidl.Fingerprint) error {
	rows, err := t.desk.Settler.L.Find(ctx, keys)
	if err != nil {
		return err
	}
	away := map[uidl.Fingerprint][]uidl.Key{} // their places are others'
	for i := range rows {
		num, listed := at[rows[i].Key]
		switch top := tops[num]; {
		case !listed, top == uidl.Fingerprint{}, rows[i].Fingerprint == uidl.Fingerprint{}, top == rows[i].Fingerprint:
		default:
			away[rows[i].Fingerprint] = append(away[rows[i].Fingerprint], rows[i].Key)
		}
	}
	t.on.Plan.Fetch = slices.DeleteFunc(t.on.Plan.Fetch, func(f plan.FetchStep) bool {
		here := away[tops[f.Num]]
		if f.Key.UID != keys[0].UID || f.Row.State != 0 || t.headers.Weak[f.Num] || len(here) == 0 {
			return false
		}
		t.known.mailbox.Displace(here[0], f.Key)
		away[tops[f.Num]] = here[1:]
		t.on.Plan.Pending++
		return true
	})
	return nil
}
