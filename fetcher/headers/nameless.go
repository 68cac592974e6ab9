package headers

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// errNamesRest: under other names all mail that is known would look new.
var errNamesRest = errors.New("the server gives messages no unique-id, and asking for their headers breaks the connection; nothing is fetched until that is tried again")

// named is a listing in which messages without a unique-id go by their headers.
type named struct {
	*pop3.Listing
	names string  // of nameOctets each
	which []int32 // of each message in the listing: which of those is its own, from 1; 0: none
}

const nameOctets = len(plan.HeaderName) + 2*len(uidl.Fingerprint{})

// name is what the i-th message goes by; "": it has a unique-id, or nothing to go by.
func (n named) name(i int) string {
	at := int(n.which[i]) * nameOctets
	return n.names[max(at-nameOctets, 0):at]
}

func (n named) At(i int) pop3.Entry {
	e := n.Listing.At(i)
	if uid := n.name(i); uid != "" {
		e.UID, e.HasUID = uid, true
	}
	return e
}

// Name gives messages without a unique-id (a server without UIDL, or an empty one in its answer) a name made of
// their header's fingerprint. What has no such header, or no TOP, stays nameless.
//
// A message whose header breaks the session is left out: to know it by nothing would make it look new. The listing is not
// complete then, and nothing is deleted: of those that share a header, another one would move up in its place.
func (h *Tops) Name(ctx context.Context, l *pop3.Listing, known *plan.Rows) (names plan.Listing, complete bool, err error) {
	count := 0
	for e := range l.All() {
		count += desk.Count(!e.HasUID)
	}
	if count == 0 {
		return l, l.Complete, nil
	}
	h.On.Steps.Naming = true
	defer func() { h.On.Steps.Naming = false }()
	if h.topsRest() && !known.ByContent() {
		return nil, false, errNamesRest
	}
	if err := h.Desk.Share.Set(memory.OfPlan, int64(count)*namelessOctets); err != nil {
		return nil, false, err
	}
	n, err := h.nameAll(ctx, l, count)
	if err != nil {
		return nil, false, err
	}
	if left := h.darkened(n, known); len(left) > 0 {
		h.On.LeftOut = true
		return without(n, left), false, nil
	}
	return n, l.Complete, nil
}

// namelessOctets is what it takes to name a message by its header.
const namelessOctets = 60

// nameAll gives so many messages names, some at a time: a million headers at once would take as much as all else.
func (h *Tops) nameAll(ctx context.Context, l *pop3.Listing, count int) (n named, err error) {
	n = named{Listing: l, which: make([]int32, l.Len())}
	var names strings.Builder
	all := count
	at, last := make([]int, 0, Chunk), int32(0) // of the next messages in the listing
	for i := range l.Len() {
		if l.At(i).HasUID {
			continue
		}
		if at, count = append(at, i), count-1; len(at) < Chunk && count > 0 {
			continue
		}
		fps, err := h.headersOf(ctx, l, at)
		if err != nil {
			return n, err
		}
		if len(fps) > 0 && !h.gotNames {
			names.Grow(all * nameOctets)
			h.gotNames = true
		}
		for _, i := range at {
			if fp := fps[l.At(i).Num]; fp != (uidl.Fingerprint{}) {
				last++
				n.which[i] = last
				names.WriteString(plan.HeaderName)
				names.WriteString(hex.EncodeToString(fp[:]))
			}
		}
		if at = at[:0]; !h.topped {
			break // no TOP
		}
	}
	n.names, h.gotNames = names.String(), false
	return n, nil
}

// headersOf gets the headers of some messages of the listing.
func (h *Tops) headersOf(ctx context.Context, l *pop3.Listing, at []int) (map[int]uidl.Fingerprint, error) {
	nums := make([]int, len(at))
	for i := range at {
		nums[i] = l.At(at[i]).Num
	}
	fps, err := h.Fingerprints(ctx, nums)
	if err != nil {
		return nil, err
	}
	return fps, h.nameAgain(ctx, nums, fps)
}

// darkened are the messages of which the header is not asked for because it broke a session, and those that have a header that
// several known messages share.
func (h *Tops) darkened(n named, known *plan.Rows) map[int]bool {
	marked, left := h.On.Steps.Marked(), map[int]bool{}
	for i := range n.which {
		num := n.Listing.At(i).Num
		if k, is := marked[num]; is && n.which[i] == 0 && h.Desk.Health.Stumbles.Mark(k).Step == "TOP" {
			left[num] = true
		}
	}
	if len(left) == 0 || h.On.Steps.NoTop { // then it cannot be the header that broke the session
		return nil
	}
	shared := map[string]bool{}
	for i := range known.Len() {
		if known.At(i).Dup > 0 {
			shared[string(known.UID(i))] = true
		}
	}
	for i := range n.which {
		if uid := n.name(i); uid != "" && shared[uid] {
			left[n.Listing.At(i).Num] = true
		}
	}
	return left
}

// some is a part of a listing.
type some struct {
	plan.Listing
	at []int
}

func (p some) Len() int            { return len(p.at) }
func (p some) At(i int) pop3.Entry { return p.Listing.At(p.at[i]) }

// without is a listing without some messages.
func without(l plan.Listing, nums map[int]bool) plan.Listing {
	p := some{Listing: l}
	for i := range l.Len() {
		if !nums[l.At(i).Num] {
			p.at = append(p.at, i)
		}
	}
	return p
}

// nameAgain asks once more for headers that could not be had, or came without their end: under another name a message would be
// new. What comes the same again is all that there is.
func (h *Tops) nameAgain(ctx context.Context, nums []int, fps map[int]uidl.Fingerprint) error {
	if !h.topped {
		return nil // no TOP
	}
	var missing []int
	before := h.cutTops
	for _, n := range nums {
		if _, ok := fps[n]; !ok || before[n] != (uidl.Fingerprint{}) {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	h.cutTops = nil
	again, err := h.Fingerprints(ctx, missing)
	if err != nil {
		return err
	}
	for n, fp := range again {
		if cut := h.cutTops[n]; cut != (uidl.Fingerprint{}) && cut == before[n] {
			fp = cut
		}
		fps[n] = fp
	}
	return nil
}
