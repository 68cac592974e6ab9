package fetcher

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Names that popsync gives to messages that have no unique-id; no server gives such ones.
const (
	headerName  = "popsync-header:"  // and the fingerprint of the header, by TOP
	contentName = "popsync-content:" // and the SHA-256 of the message, once it was read
)

// errUIDLRefused: under other names all mail that is known would look new.
var errUIDLRefused = errors.New("the server refuses UIDL, although it announced it or gave unique-ids before")

// errNamesRest: under other names all mail that is known would look new.
var errNamesRest = errors.New("the server gives messages no unique-id, and asking for their headers breaks the connection; nothing is fetched until that is tried again")

// named tells whether a row has a unique-id that the server gave.
func (r *rows) named() bool {
	for i := range r.list {
		if uid := r.uid(i); !bytes.HasPrefix(uid, []byte(headerName)) && !bytes.HasPrefix(uid, []byte(contentName)) &&
			!bytes.HasPrefix(uid, []byte(formerName)) {
			return true
		}
	}
	return false
}

// named is a listing in which messages without a unique-id go by their headers.
type named struct {
	*pop3.Listing
	uids map[int]string
}

func (n named) At(i int) pop3.Entry {
	e := n.Listing.At(i)
	if uid, ok := n.uids[e.Num]; ok {
		e.UID, e.HasUID = uid, true
	}
	return e
}

// nameless gives messages without a unique-id (a server without UIDL, or an empty one in its answer) a name made of
// their header's fingerprint. What has no such header, or no TOP, stays nameless. The session's head is left out.
//
// A message whose header breaks the session is left out: to know it by nothing would make it look new. The listing is not
// complete then, and nothing is deleted: of those that share a header, another one would move up in its place.
func (s *session) nameless(ctx context.Context, l *pop3.Listing, known *rows) (names listing, complete bool, err error) {
	if s.unread { // then all have a unique-id: see begins
		return tail{l, s.head}, l.Complete, nil
	}
	var nums []int
	for i := range l.Len() {
		if e := l.At(i); !e.HasUID {
			nums = append(nums, e.Num)
		}
	}
	if len(nums) == 0 {
		return l, l.Complete, nil
	}
	s.naming = true
	defer func() { s.naming = false }()
	if s.topsRest() && !known.byContent() {
		return nil, false, errNamesRest
	}
	fps, err := s.fingerprints(ctx, nums)
	if err != nil {
		return nil, false, err
	}
	if err := s.nameAgain(ctx, nums, fps); err != nil {
		return nil, false, err
	}
	uids := make(map[int]string, len(fps))
	for num, fp := range fps {
		if fp != (uidl.Fingerprint{}) {
			uids[num] = headerName + hex.EncodeToString(fp[:])
		}
	}
	n := named{Listing: l, uids: uids}
	if left := s.darkened(uids, known); len(left) > 0 {
		s.leftOut = true
		return without(n, left), false, nil
	}
	return n, l.Complete, nil
}

// darkened are the messages of which the header is not asked for because it broke a session, and those that have a header that
// several known messages share.
func (s *session) darkened(uids map[int]string, known *rows) map[int]bool {
	left := map[int]bool{}
	for num, k := range s.marked() {
		if uids[num] == "" && s.facts.Stumbles.mark(k).Step == "TOP" {
			left[num] = true
		}
	}
	if len(left) == 0 || s.noTop { // then it cannot be the header that broke the session
		return nil
	}
	shared := map[string]bool{}
	for i := range known.list {
		if known.list[i].dup > 0 {
			shared[string(known.uid(i))] = true
		}
	}
	for num, uid := range uids {
		left[num] = shared[uid]
	}
	return left
}

// some is a part of a listing.
type some struct {
	listing
	at []int
}

func (p some) Len() int            { return len(p.at) }
func (p some) At(i int) pop3.Entry { return p.listing.At(p.at[i]) }

// without is a listing without some messages.
func without(l listing, nums map[int]bool) listing {
	p := some{listing: l}
	for i := range l.Len() {
		if !nums[l.At(i).Num] {
			p.at = append(p.at, i)
		}
	}
	return p
}

// byContent tells whether messages go by their content: rows are of such, and none of one that goes by its header.
func (r *rows) byContent() (yes bool) {
	for i := range r.list {
		if bytes.HasPrefix(r.uid(i), []byte(headerName)) {
			return false
		}
		yes = yes || bytes.HasPrefix(r.uid(i), []byte(contentName))
	}
	return yes
}

// nameAgain asks once more for headers that could not be had, or came without their end: under another name a message would be
// new. What comes the same again is all that there is.
func (s *session) nameAgain(ctx context.Context, nums []int, fps map[int]uidl.Fingerprint) error {
	if !s.topped {
		return nil // no TOP
	}
	var missing []int
	before := s.cutTops
	for _, n := range nums {
		if _, ok := fps[n]; !ok || before[n] != (uidl.Fingerprint{}) {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	s.cutTops = nil
	again, err := s.fingerprints(ctx, missing)
	if err != nil {
		return err
	}
	for n, fp := range again {
		if cut := s.cutTops[n]; cut != (uidl.Fingerprint{}) && cut == before[n] {
			fp = cut
		}
		fps[n] = fp
	}
	return nil
}

// name gives a message that was read without knowing which it is the key of its content, and finds out whether it was
// delivered before: then it is only compared.
func (r *reader) name(f *fetchStep, m *received) error {
	uid := contentName + hex.EncodeToString(m.msg.SHA256[:])
	if r.named == nil {
		r.named = map[string]int{}
	}
	f.key = uidl.Key{UID: uid, Dup: r.named[uid]}
	r.named[uid]++
	m.msg.Key = f.key
	for i := range m.copies {
		m.copies[i].row.Key = f.key
	}
	found, err := r.l.Find(r.ctx, []uidl.Key{f.key})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		r.unnamed-- // only now does it count as one of those that a session may retrieve: see mayStart
		return nil
	}
	f.row = &found[0].Row
	m.msg.FirstSeen = f.row.FirstSeen
	if f.row.State == uidl.Delivered || f.row.State == uidl.DeleteSent {
		f.compare = true
		if r.details == nil {
			r.details = map[uidl.Key]*uidl.Message{}
		}
		r.details[f.key] = &found[0]
		return nil
	}
	if r.pending[f.key] != nil || f.row.Have.Destinations() != 0 {
		f.owed = true
		m.owed, m.msg.Facts = true, f.row.Facts
		r.onlyOwed(f, m)
	}
	r.unnamed -= b2i(len(m.copies) > 0)
	return nil
}

// onlyOwed drops the copies of destinations that have the message already, or one of ours: only now is it known that an
// earlier pass brought it.
func (r *reader) onlyOwed(f *fetchStep, m *received) {
	owed := map[string]uidl.Delivery{}
	for _, dl := range r.lacking(f) {
		owed[dl.dest.Name] = dl.row
	}
	copies := m.copies[:0]
	for _, c := range m.copies {
		row, needed := owed[c.dest.Name]
		if !needed {
			r.discard(&received{copies: []delivery{c}}, errNoBranch)
			continue
		}
		row.Ticket = c.row.Ticket
		c.row = row
		copies = append(copies, c)
	}
	m.copies = copies
}
