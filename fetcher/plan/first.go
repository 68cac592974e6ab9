package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/popsync/popsync/uidl"
)

// First says what is fetched of a mailbox that is seen for the first time. What comes later is always fetched. The zero value: all.
type First struct {
	Only bool          // not all
	Last int           // with Only: the last so many of the listing
	Age  time.Duration // with Only: what the server received so long ago or later, and what does not tell; 0: goes by Last alone
}

// Before are the messages that a mailbox had when it was seen for the first time, and that may be left out: 8 octets for each, in their
// order. Two of a million are taken for the same less often than once in ten million mailboxes.
type Before []uint64

// Before are the messages of a listing that may be left out: all but the last ones. What has no unique-id cannot be.
func (f First) Before(l Listing) Before {
	marks := make(Before, 0, l.Len())
	eachKey(l, func(i int, k uidl.Key) {
		if f.Age > 0 || i < l.Len()-f.Last {
			marks = append(marks, markOf(k))
		}
	})
	slices.Sort(marks)
	return marks
}

// LeftOut are the messages of a listing that were there before, and that no row says anything of.
func (b Before) LeftOut(l Listing, rows *Rows) (left []Entry) {
	eachKey(l, func(i int, k uidl.Key) {
		if _, ok := slices.BinarySearch(b, markOf(k)); !ok {
			return
		}
		if _, ok := rows.Find(k); !ok {
			e := l.At(i)
			left = append(left, Entry{Num: e.Num, Size: e.Size, Key: k})
		}
	})
	return left
}

// eachKey calls with the place and the key of each message that has a unique-id, in the order of their numbers.
func eachKey(l Listing, yield func(i int, k uidl.Key)) {
	dups := dupsOf(l)
	for i := range l.Len() {
		if e := l.At(i); e.HasUID {
			yield(i, uidl.Key{UID: e.UID, Dup: int(dups[int32(i)])})
		}
	}
}

// dupsOf has the places of messages in a listing whose unique-id one before them has as well, and how many before them.
func dupsOf(l Listing) map[int32]int32 {
	dups := map[int32]int32{}
	uid, n := "", int32(0)
	for k, i := range SortedByUID(l) {
		e := l.At(int(i))
		if n++; k == 0 || e.UID != uid || !e.HasUID {
			uid, n = e.UID, 0
		}
		if n > 0 {
			dups[i] = n
		}
	}
	return dups
}

// markOf stands for a key.
func markOf(k uidl.Key) uint64 {
	h := sha256.New()
	h.Write([]byte(k.UID))
	h.Write(binary.AppendUvarint([]byte{0}, uint64(k.Dup)))
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// Octets is how Before is stored; BeforeOf reads it.
func (b Before) Octets() []byte {
	out := make([]byte, 0, 8*len(b))
	for _, m := range b {
		out = binary.BigEndian.AppendUint64(out, m)
	}
	return out
}

// BeforeOf reads what Octets made. What is not of that form holds what can be read of it.
func BeforeOf(octets []byte) Before {
	b := make(Before, 0, len(octets)/8)
	for ; len(octets) >= 8; octets = octets[8:] {
		b = append(b, binary.BigEndian.Uint64(octets))
	}
	if !slices.IsSorted(b) {
		slices.Sort(b)
	}
	return b
}
