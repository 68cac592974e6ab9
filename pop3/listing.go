package pop3

import "iter"

// Listing is what UIDL and LIST said together (RFC 1939, sections 5 and 7): the messages that both have, by number.
// It takes 16 octets a message besides the UIDs. UIDs share long strings; a kept one keeps up to 256 KiB of them.
//
// A UID is everything after the blanks that follow the number, up to CRLF, verbatim, with blanks in it and at its end: RFC
// 1939 allows 1 to 70 visible ASCII characters, servers send more. (Only spaces follow the number, or a tab and then spaces
// and tabs.) One longer than Limits.UID is replaced by "popsync-sha256:" and the SHA-256 of it in hexadecimal digits. So is
// one that holds the secret of the login, and there the SHA-256 is of what is left without it: see foreign.Secrets.Name.
//
// Blanks before the number, tabs for spaces and blank lines are put up with.
type Listing struct {
	// Complete tells that the listing can be trusted to name every message: what it lacks is gone. It is false when
	// a line made no sense, when blank lines stand where numbers are missing, or when one of the two answers had a
	// message that the other did not have: it was cut short, or mail came or went between the two.
	Complete bool
	// OnlyUIDL and OnlyLIST count the messages that only one of the two answers had, and that are left out here.
	OnlyUIDL, OnlyLIST int
	// NoUIDL tells that the server refused UIDL: no entry has a UID.
	NoUIDL bool
	// Refusal is what the server said to that: see ResponseError.Text; "" when it said nothing.
	Refusal string
	// Problems describes the first lines that made no sense, escaped; Bad counts all of them.
	Problems []string
	Bad      int

	entries chunks[entry]
	uids    []string // of at most uidChunk octets each
	bytes   int64
}

// Entry is one message of a Listing.
type Entry struct {
	Num    int    // message number in this session, from 1
	Size   int64  // octets as LIST gave them; 0 when that made no sense
	UID    string // any octets but CR LF
	HasUID bool   // false: the server gave none
}

// entry is a message in 16 octets.
type entry struct {
	low  uint32 // of the size
	high uint16
	len  uint16 // of the UID; 0: it has none
	num  int32
	off  uint32 // which of the UIDs' strings, and where in it
}

// EntryOctets is what a message of a Listing takes, besides its UID.
const EntryOctets = 16

func (e *entry) size() int64 { return int64(e.high)<<32 | int64(e.low) }

// setSize keeps a size of up to maxListed.
func (e *entry) setSize(octets int64) { e.low, e.high = uint32(octets), uint16(octets>>32) }

// UIDs lie in strings of up to uidChunk octets, none across two of them. With the longest line that is kept verbatim, and the
// most lines, there are fewer strings than fit in what is left of entry.off.
const (
	uidBits  = 18
	uidChunk = 1 << uidBits
)

// Len is how many messages there are.
func (l *Listing) Len() int { return l.entries.len() }

// At returns the i-th message by number, from 0.
func (l *Listing) At(i int) Entry {
	e := l.entries.at(i)
	uid := ""
	if e.len > 0 {
		at := e.off & (uidChunk - 1)
		uid = l.uids[e.off>>uidBits][at : at+uint32(e.len)]
	}
	return Entry{int(e.num), e.size(), uid, e.len > 0}
}

// All yields the messages by number.
func (l *Listing) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range l.Len() {
			if !yield(l.At(i)) {
				return
			}
		}
	}
}

// Bytes is the sum of all sizes.
func (l *Listing) Bytes() int64 { return l.bytes }

// Memory is how much the listing takes, in octets.
func (l *Listing) Memory() int64 {
	n := int64(l.entries.room()) * EntryOctets
	for _, s := range l.uids {
		n += int64(len(s))
	}
	return n
}

const maxProblems = 5

func (p *collector) problem(verb string, line []byte) {
	l := p.l
	l.Complete = false
	l.Bad++
	if len(l.Problems) < maxProblems {
		if p.strike != nil {
			line = p.strike(line) // before it is cut, which could leave half of a secret
		}
		l.Problems = append(l.Problems, verb+": \""+escape(line[:min(len(line), 100)])+"\"")
	}
}
