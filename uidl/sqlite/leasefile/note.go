package leasefile

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/popsync/popsync/uidl"
)

// The note of a lease is one record in the lease file, behind the longest marker that there may be, big-endian:
//
//	magic "lse1", Epoch (8), length of the token (1), Token, CRC-32C of all before (4)
//
// Whatever follows means nothing. It is written without sync, after the commit that it tells of: a record that does not
// check out, or is older than it could be, says less and nothing wrong.
const (
	noteOffset = 1024
	noteMagic  = "lse1"
	noteHead   = len(noteMagic) + 8 + 1
	tokenMax   = 64
	noteMax    = noteHead + tokenMax + 4
)

func appendNote(b []byte, n uidl.Note) []byte {
	b = append(b, noteMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(n.Epoch))
	b = append(b, byte(len(n.Token)))
	b = append(b, n.Token...)
	return binary.BigEndian.AppendUint32(b, castagnoli(b))
}

// parseNote returns the zero Note when b does not begin with a whole record.
func parseNote(b []byte) uidl.Note {
	if len(b) < noteHead || string(b[:len(noteMagic)]) != noteMagic {
		return uidl.Note{}
	}
	epoch := int64(binary.BigEndian.Uint64(b[len(noteMagic):]))
	end := noteHead + int(b[noteHead-1])
	if end == noteHead || end > noteHead+tokenMax || len(b) < end+4 || epoch < 1 {
		return uidl.Note{}
	}
	if binary.BigEndian.Uint32(b[end:]) != castagnoli(b[:end]) {
		return uidl.Note{}
	}
	return uidl.Note{Token: string(b[noteHead:end]), Epoch: epoch}
}

// read reads what stands in a lease file.
func read(f *os.File) (uidl.Key, uidl.Note, error) {
	b := make([]byte, noteOffset+noteMax)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return uidl.Key{}, uidl.Note{}, err
	}
	b = b[:n]
	return parseMarker(b), parseNote(b[min(n, noteOffset):]), nil
}
