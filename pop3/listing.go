package pop3

import "iter"

// Listing is what UIDL and LIST said together (RFC 1939, sections 5 and 7): the messages that both have, by number.
// It takes 24 octets a message besides the UIDs. UIDs share one string; a kept one keeps them all.
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
	// Problems describes the first lines that made no sense, escaped; Bad counts all of them.
	Problems []string
	Bad      int

	entries []entry
	uids    string
	bytes   int64
}

// Entry is one message of a Listing.
type Entry struct {
	Num    int    // message number in this session, from 1
	Size   int64  // octets as LIST gave them; 0 when that made no sense
	UID    string // any octets but CR LF
	HasUID bool   // false: the server gave none
}

type entry struct {
	size int64
	num  int32
	off  uint32
	len  uint16
	has  bool
}

// Len is how many messages there are.
func (l *Listing) Len() int { return len(l.entries) }

// At returns the i-th message by number, from 0.
func (l *Listing) At(i int) Entry {
	e := &l.entries[i]
	return Entry{int(e.num), e.size, l.uids[e.off : e.off+uint32(e.len)], e.has}
}

// All yields the messages by number.
func (l *Listing) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range l.entries {
			if !yield(l.At(i)) {
				return
			}
		}
	}
}

// Bytes is the sum of all sizes.
func (l *Listing) Bytes() int64 { return l.bytes }

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
