package fetcher

import (
	"context"
	"math"

	"github.com/popsync/popsync/uidl"
)

// rows holds an account's ledger rows in the order of (UID, Dup), packed: a map of structs takes five times as much.
type rows struct {
	uids  []byte
	list  []packed
	kinds []uidl.Facts       // what most rows have as their facts is one of a few
	kind  map[uidl.Facts]int // index in kinds
}

// packed is a row in 32 octets.
type packed struct {
	size      uint32 // the lower half
	off       uint32
	firstSeen uint32 // Unix seconds, which last until 2106; math.MaxUint32: no age counts from it
	goneAt    uint32
	nextTry   uint32
	dup       uint32
	sizeHigh  uint16
	kind      uint16 // index in kinds
	len       uint16 // of the UID; with attempts above
	state     uidl.State
}

const (
	lenBits     = 10 // a UID has at most 512 octets
	attemptsMax = 1<<(16-lenBits) - 1
)

// loadRows reads all rows. known is how many there may be, as far as the last pass knew: to grow step by step costs as much
// again, in time and memory.
func loadRows(ctx context.Context, l uidl.Account, known int) (*rows, error) {
	room := max(0, min(known, 2_000_000)) + 64
	r := &rows{list: make([]packed, 0, room), uids: make([]byte, 0, 24*room)}
	for row, err := range l.Messages(ctx) {
		if err != nil {
			return nil, err
		}
		r.add(row)
	}
	return r, nil
}

func (r *rows) add(row uidl.Row) {
	r.list = append(r.list, packed{
		off: uint32(len(r.uids)), len: uint16(len(row.UID) | min(row.Attempts, attemptsMax)<<lenBits), dup: uint32(row.Dup),
		state: row.State, size: uint32(row.Size), sizeHigh: uint16(min(row.Size>>32, math.MaxUint16)),
		firstSeen: pack(row.FirstSeen), goneAt: pack(row.GoneAt), nextTry: pack(row.NextTry), kind: r.kindOf(row.Facts),
	})
	r.uids = append(r.uids, row.UID...)
}

// kindOf finds the index of facts. There are as many kinds as changes of the destinations, faults and decisions made;
// those beyond the last index share one that lets nobody delete or fetch: Unsure, and all that is configured counts as had.
func (r *rows) kindOf(f uidl.Facts) uint16 {
	if n := len(r.kinds); n > 0 && r.kinds[0] == f {
		return 0
	}
	if i, ok := r.kind[f]; ok {
		return uint16(i)
	}
	if len(r.kinds) == math.MaxUint16 {
		f = uidl.Facts{Have: uidl.Former | uidl.Unsure, Waived: math.MaxUint64}
		if i, ok := r.kind[f]; ok {
			return uint16(i)
		}
	}
	if r.kind == nil {
		r.kind = map[uidl.Facts]int{}
	}
	r.kind[f] = len(r.kinds)
	r.kinds = append(r.kinds, f)
	return uint16(len(r.kinds) - 1)
}

func (r *rows) uid(i int) []byte {
	p := &r.list[i]
	return r.uids[p.off : p.off+uint32(p.uidLen())]
}

func (p *packed) uidLen() int     { return int(p.len & (1<<lenBits - 1)) }
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

// row unpacks what Plan hands on. GoneListing is the ledger's own affair and stays zero.
func (r *rows) row(i int) uidl.Row {
	return r.rowOf(i, uidl.Key{UID: string(r.uid(i)), Dup: int(r.list[i].dup)})
}

// rowOf is row for a caller who has its key at hand.
func (r *rows) rowOf(i int, k uidl.Key) uidl.Row {
	p := &r.list[i]
	return uidl.Row{
		Key: k, State: p.state, Attempts: p.attempts(), Size: p.fullSize(), Facts: r.kinds[p.kind],
		FirstSeen: unpack(p.firstSeen), GoneAt: int64(p.goneAt), NextTry: unpack(p.nextTry),
	}
}
