package plan

import (
	"context"
	"encoding/hex"
	"math"

	"github.com/popsync/popsync/uidl"
)

// Rows holds an account's ledger rows in the order of (UID, Dup), packed: a map of structs takes five times as much. They and
// their UIDs lie in chunks, so that what grows is not copied, and never in memory twice.
type Rows struct {
	list  [][]packed         // of rowChunk each, but for the last
	uids  [][]byte           // of up to uidChunk octets each; no UID lies across two
	Kinds []uidl.Facts       // what most rows have as their facts is one of a few
	kind  map[uidl.Facts]int // index in kinds
}

const (
	rowBits  = 12
	rowChunk = 1 << rowBits
	uidBits  = 17 // with the 15 bits that are left for the chunk there is room for 4 GiB
	uidChunk = 1 << uidBits
)

// Len is how many rows there are.
func (r *Rows) Len() int {
	if len(r.list) == 0 {
		return 0
	}
	return (len(r.list)-1)<<rowBits + len(r.list[len(r.list)-1])
}

// At is the i-th row, packed.
func (r *Rows) At(i int) *packed { return &r.list[i>>rowBits][i&(rowChunk-1)] }

// Memory is what the rows take, in octets.
func (r *Rows) Memory() int64 {
	if r == nil || len(r.list) == 0 {
		return 0
	}
	const rowOctets = 32
	return int64((len(r.list)-1)<<rowBits+cap(r.list[len(r.list)-1]))*rowOctets + int64(len(r.uids)-1)*uidChunk + int64(cap(r.uids[len(r.uids)-1]))
}

// packed is a row in 32 octets.
type packed struct {
	size      uint32 // the lower half
	off       uint32 // which chunk of UIDs, and where in it
	firstSeen uint32 // Unix seconds, which last until 2106; math.MaxUint32: no age counts from it
	goneAt    uint32
	nextTry   uint32
	Dup       uint32
	sizeHigh  uint16
	Kind      uint16 // index in kinds
	len       uint16 // of the UID, or packedName; with attempts above
	State     uidl.State
}

const (
	lenBits     = 10 // a UID has at most 512 octets
	attemptsMax = 1<<(16-lenBits) - 1
	packedName  = 1<<lenBits - 1 // the UID is HeaderName and a fingerprint in hexadecimal digits, and only that is kept
	nameOctets  = len(HeaderName) + 2*len(uidl.Fingerprint{})
)

// LoadRows reads all rows. grow is told now and then how much memory they take, in octets, and may refuse; nil: nobody asks.
func LoadRows(ctx context.Context, l uidl.Account, grow func(octets int64) error) (*Rows, error) {
	r := &Rows{}
	for row, err := range l.Messages(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Add(row); grow != nil && len(r.list[len(r.list)-1]) == rowChunk {
			if err := grow(r.Memory()); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// Add puts a row behind the others. Rows must come in the order of (UID, Dup).
func (r *Rows) Add(row uidl.Row) {
	if n := len(r.list); n == 0 {
		r.list = append(r.list, nil)
	} else if len(r.list[n-1]) == rowChunk {
		r.list = append(r.list, make([]packed, 0, rowChunk))
	}
	last := &r.list[len(r.list)-1]
	off, n := r.keepUID(row.UID)
	*last = append(*last, packed{
		off: off, len: uint16(n | min(row.Attempts, attemptsMax)<<lenBits), Dup: uint32(row.Dup),
		State: row.State, size: uint32(row.Size), sizeHigh: uint16(min(row.Size>>32, math.MaxUint16)),
		firstSeen: pack(row.FirstSeen), goneAt: pack(row.GoneAt), nextTry: pack(row.NextTry), Kind: r.kindOf(row.Facts),
	})
}

// keepUID puts a UID behind the others, and returns where it lies and its length. A name that stands for a header takes a third.
func (r *Rows) keepUID(uid string) (off uint32, n int) {
	var fp uidl.Fingerprint
	if len(uid) == nameOctets && uid[:len(HeaderName)] == HeaderName {
		if n, err := hex.Decode(fp[:], []byte(uid[len(HeaderName):])); err == nil && n == len(fp) && hex.EncodeToString(fp[:]) == uid[len(HeaderName):] {
			return r.keep(string(fp[:])), packedName
		}
	}
	return r.keep(uid), len(uid)
}

// keep puts octets behind the others and returns where they lie.
func (r *Rows) keep(uid string) uint32 {
	switch n := len(r.uids); {
	case n == 0:
		r.uids = append(r.uids, nil)
	case len(r.uids[n-1])+len(uid) > uidChunk:
		r.uids = append(r.uids, make([]byte, 0, uidChunk))
	}
	last := len(r.uids) - 1
	off := last<<uidBits | len(r.uids[last])
	r.uids[last] = append(r.uids[last], uid...)
	return uint32(off)
}

// kindOf finds the index of facts. There are as many kinds as changes of the destinations, faults and decisions made;
// those beyond the last index share one that lets nobody delete or fetch: Unsure, and all that is configured counts as had.
func (r *Rows) kindOf(f uidl.Facts) uint16 {
	if n := len(r.Kinds); n > 0 && r.Kinds[0] == f {
		return 0
	}
	if i, ok := r.kind[f]; ok {
		return uint16(i)
	}
	if len(r.Kinds) == math.MaxUint16 {
		f = uidl.Facts{Have: uidl.Former | uidl.Unsure, Waived: math.MaxUint64}
		if i, ok := r.kind[f]; ok {
			return uint16(i)
		}
	}
	if r.kind == nil {
		r.kind = map[uidl.Facts]int{}
	}
	r.kind[f] = len(r.Kinds)
	r.Kinds = append(r.Kinds, f)
	return uint16(len(r.Kinds) - 1)
}

// UID is the unique-id of the i-th row. It must not be changed.
func (r *Rows) UID(i int) []byte {
	p := r.At(i)
	kept := r.kept(p)
	if p.uidLen() != packedName {
		return kept
	}
	return hex.AppendEncode([]byte(HeaderName), kept)
}

// kept is what is kept of the unique-id of a row.
func (r *Rows) kept(p *packed) []byte {
	n := p.uidLen()
	switch n {
	case 0:
		return nil
	case packedName:
		n = len(uidl.Fingerprint{})
	}
	at := p.off & (uidChunk - 1)
	return r.uids[p.off>>uidBits][at : at+uint32(n)]
}

func (p *packed) uidLen() int     { return int(p.len & packedName) }
func (p *packed) attempts() int   { return int(p.len >> lenBits) }
func (p *packed) fullSize() int64 { return int64(p.sizeHigh)<<32 | int64(p.size) }

// pack keeps a time; what does not fit is as good as never.
func pack(t int64) uint32 { return uint32(max(0, min(t, math.MaxUint32))) }

func unpack(t uint32) int64 {
	if t == math.MaxUint32 {
		return uidl.Unstamped
	}
	return int64(t)
}

// Row unpacks what Plan hands on. GoneListing is the ledger's own affair and stays zero.
func (r *Rows) Row(i int) uidl.Row {
	return r.rowOf(i, uidl.Key{UID: string(r.UID(i)), Dup: int(r.At(i).Dup)})
}

// rowOf is row for a caller who has its key at hand.
func (r *Rows) rowOf(i int, k uidl.Key) uidl.Row {
	p := r.At(i)
	return uidl.Row{
		Key: k, State: p.State, Attempts: p.attempts(), Size: p.fullSize(), Facts: r.Kinds[p.Kind],
		FirstSeen: unpack(p.firstSeen), GoneAt: int64(p.goneAt), NextTry: unpack(p.nextTry),
	}
}
