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

type packed struct {
	off       uint32
	len       uint16
	dup       uint16
	state     uidl.State
	attempts  uint8
	firstDay  int32
	size      int64
	firstSeen int64
	goneAt    int64
	nextTry   int64
}

func loadRows(ctx context.Context, l uidl.Account) (*rows, error) {
	r := &rows{}
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
		attempts: uint8(min(row.Attempts, math.MaxUint8)), firstDay: int32(row.FirstDay), size: row.Size,
		firstSeen: row.FirstSeen, goneAt: row.GoneAt, nextTry: row.NextTry,
	})
	r.uids = append(r.uids, row.UID...)
}

func (r *rows) uid(i int) []byte {
	p := &r.list[i]
	return r.uids[p.off : p.off+uint32(p.len)]
}

// row unpacks what Plan hands on. GoneListing is the ledger's own affair and stays zero.
func (r *rows) row(i int) uidl.Row {
	p := &r.list[i]
	return uidl.Row{
		Key: uidl.Key{UID: string(r.uid(i)), Dup: int(p.dup)}, State: p.state, Attempts: int(p.attempts),
		FirstDay: int64(p.firstDay), Size: p.size, FirstSeen: p.firstSeen, GoneAt: p.goneAt, NextTry: p.nextTry,
	}
}
