package leasefile

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/popsync/popsync/uidl"
)

// The marker is one record at the start of the lease file, big-endian:
//
//	magic "pop1", length of the UID (2), Dup (4), UID, CRC-32C of all before (4)
//
// Whatever follows, up to the note, is left from a longer record and means nothing. A record that does not check out was torn and
// means that nothing is known: the charge is lost, which is the harmless side.
const (
	markerMagic = "pop1"
	markerHead  = len(markerMagic) + 2 + 4
	markerMax   = markerHead + uidl.MaxUID + 4
)

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func appendMarker(b []byte, k uidl.Key) []byte {
	b = append(b, markerMagic...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(k.UID)))
	b = binary.BigEndian.AppendUint32(b, uint32(k.Dup))
	b = append(b, k.UID...)
	return binary.BigEndian.AppendUint32(b, castagnoli(b))
}

// parseMarker returns the zero Key when b does not begin with a whole record.
func parseMarker(b []byte) uidl.Key {
	if len(b) < markerHead || string(b[:len(markerMagic)]) != markerMagic {
		return uidl.Key{}
	}
	n := int(binary.BigEndian.Uint16(b[len(markerMagic):]))
	if n < 1 || n > uidl.MaxUID || len(b) < markerHead+n+4 {
		return uidl.Key{}
	}
	end := markerHead + n
	if binary.BigEndian.Uint32(b[end:]) != castagnoli(b[:end]) {
		return uidl.Key{}
	}
	return uidl.Key{UID: string(b[markerHead:end]), Dup: int(binary.BigEndian.Uint32(b[len(markerMagic)+2:]))}
}
