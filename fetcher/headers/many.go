package headers

import (
	"context"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// OfMany are the fingerprints of messages in their order, of as many as can be had; nil: none. Some are asked for at a time: a million
// headers at once would take as much memory as all else. Which of them are weak is not kept.
func (h *Tops) OfMany(ctx context.Context, of plan.Picked) (tops []uidl.Fingerprint) {
	for from := 0; from < of.Len(); from += Chunk {
		part := of.Part(from, min(from+Chunk, of.Len()))
		got, err := h.Fingerprints(ctx, part.Spread(Chunk))
		if tops == nil && len(got) > 0 {
			tops = make([]uidl.Fingerprint, of.Len())
		}
		for i := range part.Len() {
			if fp, ok := got[part.At(i).Num]; ok {
				tops[from+i] = fp
			}
		}
		h.Weak, h.cutTops = nil, nil
		if err != nil || !h.topped {
			break
		}
		h.gotNames = true
	}
	h.gotNames = false
	return tops
}
