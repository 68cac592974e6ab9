package headers

import (
	"context"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// OfMany are the fingerprints of messages in their order, of as many as can be had; nil: none. Some are asked for at a time: a million
// headers at once would take as much memory as all else. Which of them are weak is not kept.
func (h *Tops) OfMany(ctx context.Context, of plan.Picked) (tops []uidl.Fingerprint) {
	for from := 0; from < of.Len(); from += Chunk {
		part := of.Part(from, min(from+Chunk, of.Len()))
		got, more := h.Part(ctx, part.Spread(Chunk))
		if tops == nil && len(got) > 0 {
			tops = make([]uidl.Fingerprint, of.Len())
		}
		for i := range part.Len() {
			if fp, ok := got[part.At(i).Num]; ok {
				tops[from+i] = fp
			}
		}
		if !more {
			break
		}
		h.gotNames = true
	}
	h.gotNames = false
	return tops
}

// Part are the fingerprints of some messages, by number, as far as they can be had; more tells that those of others can be had too.
// Which of them are weak is not kept.
func (h *Tops) Part(ctx context.Context, nums []int) (tops map[int]uidl.Fingerprint, more bool) {
	tops, err := h.Fingerprints(ctx, nums)
	h.Weak, h.cutTops = nil, nil
	return tops, err == nil && h.topped
}

// Dated are the fingerprints of messages and when the server received them, by number. A message that is missing in both could not
// be had; one without a time says nothing of it. has is false where there is no TOP, or it rests.
func (h *Tops) Dated(ctx context.Context, nums []int) (tops map[int]uidl.Fingerprint, at map[int]time.Time, has bool, err error) {
	if h.topsRest() {
		return nil, nil, false, nil
	}
	at = map[int]time.Time{}
	h.dates = at
	tops, err = h.Fingerprints(ctx, nums)
	h.dates, h.Weak, h.cutTops = nil, nil, nil
	has = h.topped || h.On.C.Capabilities().Top && !h.On.Steps.NoTop || len(tops) > 0
	return tops, at, has, err
}
