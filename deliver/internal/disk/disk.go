// Package disk is what the destinations that keep files have in common: how they open and list them, what their checksums
// are, and what a refusal of the system means in the words of deliver.Error.
//
// It decides nothing about a message, and neither renames nor syncs. Its callers are deliver/maildir and deliver/spool.
package disk

import (
	"errors"
	"hash/crc32"
	"os"

	"github.com/popsync/popsync/internal/durable"
)

// BufferSize is what is written at once, in octets; smaller messages take one write.
const BufferSize = 128 << 10

// Castagnoli makes CRC-32C, which processors compute faster than memory delivers. The table is constant.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Barrier is *durable.Barrier; tests watch it.
type Barrier interface {
	Add(f *os.File) *durable.Pending
	Sync(pending []*durable.Pending, dirs ...*os.File) error
	Drop(pending ...*durable.Pending)
	Err() error
	Close() error
}

// What a Target refuses because its caller made a mistake, and not for the state of its place.
var (
	ErrNotIdentified = errors.New("not identified: Identify was not called or failed")
	ErrEnded         = errors.New("the staging has ended")
	ErrNotDurable    = errors.New("its bytes were not made durable")
	ErrSyncFailed    = errors.New("its sync failed before")
)
