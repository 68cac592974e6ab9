package fetcher

import (
	"context"
	"math"

	"github.com/popsync/popsync/uidl"
)

// rows holds an account's ledger rows in the order of (UID, Dup), packed: a map of structs takes five times as much.
type rows struct {
	uids []byte
	list []packed
}

// packed is a row in 32 octets.
type packed struct {
	size      int64
	off       uint32
	firstSeen uint32 // Unix seconds, which last until 2106
	goneAt    uint32
	nextTry   uint32 // math.MaxUint32: never
	len       uint16
	dup       uint16
	firstDay  uint16
	state     uidl.State
	attempts  uint8
}

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
		off: uint32(len(r.uids)), len: uint16(len(row.UID)), dup: uint16(row.Dup), state: row.State,
		attempts: uint8(min(row.Attempts, math.MaxUint8)), firstDay: uint16(min(row.FirstDay, math.MaxUint16)),
		size: row.Size, firstSeen: pack(row.FirstSeen), goneAt: pack(row.GoneAt), nextTry: pack(row.NextTry),
	})
	r.uids = append(r.uids, row.UID...)
}

func (r *rows) uid(i int) []byte {
	p := &r.list[i]
	return r.uids[p.off : p.off+uint32(p.len)]
}

// pack keeps a time; what does not fit is as good as never.
func pack(t int64) uint32 { return uint32(max(0, min(t, math.MaxUint32))) }

func unpack(t uint32) int64 {
	if t == math.MaxUint32 {
		return never
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
		Key: k, State: p.state, Attempts: int(p.attempts), FirstDay: int64(p.firstDay), Size: p.size,
		FirstSeen: int64(p.firstSeen), GoneAt: int64(p.goneAt), NextTry: unpack(p.nextTry),
	}
}
