package pop3

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
)

const (
	maxNumber = math.MaxInt32 // message numbers above are not believed
	maxSize   = 1 << 62       // of all messages together
	maxListed = 1<<48 - 1     // sizes of messages above (256 TiB) make no sense
)

// collector gathers the lines of UIDL, then of LIST, and joins them. As long as both name the same messages in rising
// order, which is nearly always, each size goes straight to its message, while the server is still sending.
type collector struct {
	l      *Listing
	maxUID int
	strike func(text []byte) []byte                       // takes the secret out of what is shown; nil: nothing to take out
	name   func(prefix string, uid []byte) (string, bool) // what stands for a UID that holds the secret; nil: none does
	uidl   chunks[entry]                                  // in the server's order
	uids   strings.Builder                                // of the last of l.uids
	joined int                                            // how many of uidl have their size; means nothing once apart
	apart  bool                                           // the two answers do not go together: list has all of LIST
	list   chunks[sized]                                  // in the server's order
	blank  int                                            // lines that hold nothing
}

type sized struct {
	size int64
	num  int32
}

// blanks are what may stand around numbers and sizes. RFC 1939 has one space; some servers pad, or send a tab.
const blanks = " \t"

// uidLine takes "NUMBER BLANKS UID"; without UID the message has none.
func (p *collector) uidLine(line []byte) {
	num, uid, ok := p.number("UIDL", line)
	if !ok {
		return
	}
	e := entry{num: num}
	if name, ok := p.nameOf(uid); ok {
		uid = []byte(name)
	} else if len(uid) > p.maxUID {
		sum := sha256.Sum256(uid)
		uid = append([]byte(hashedUID), hex.EncodeToString(sum[:])...)
	}
	e.len = uint16(len(uid)) // a line has at most 32 KiB
	e.off = p.keep(uid)
	p.uidl.add(e)
}

// keep puts a unique-id where the Listing has them, and returns where that is.
func (p *collector) keep(uid []byte) (off uint32) {
	if p.uids.Len()+len(uid) > uidChunk {
		p.l.uids = append(p.l.uids, p.uids.String())
		p.uids = strings.Builder{}
		p.uids.Grow(uidChunk)
	}
	off = uint32(len(p.l.uids)<<uidBits | p.uids.Len())
	p.uids.Write(uid)
	return off
}

// memory is what the listing takes by now, in octets.
func (p *collector) memory() int64 {
	const sizedOctets = 16
	return int64(len(p.l.uids))*uidChunk + int64(p.uids.Cap()) + int64(p.uidl.room())*EntryOctets + int64(p.list.room())*sizedOctets
}

// hashedUID is what a UID begins with that is not kept verbatim: see Listing.
const hashedUID = "popsync-sha256:"

// nameOf gives what stands for a UID that holds the secret: it must not be stored, logged or shown.
func (p *collector) nameOf(uid []byte) (string, bool) {
	if p.name == nil {
		return "", false
	}
	return p.name(hashedUID, uid)
}

// listLine takes "NUMBER BLANKS SIZE", and whatever the server adds (RFC 1939, section 5, "scan listing").
func (p *collector) listLine(line []byte) {
	num, rest, ok := p.number("LIST", line)
	if !ok {
		return
	}
	octets, _ := parseNumber(word(rest), maxListed)
	if p.next() == num {
		p.uidl.at(p.joined).setSize(octets)
		p.joined++
		return
	}
	p.part()
	p.list.add(sized{octets, num})
}

// number takes the message number off a line, and the blanks behind it. Without one the line is noted as a problem, or, if
// nothing stands there at all, as blank.
func (p *collector) number(verb string, line []byte) (num int32, rest []byte, ok bool) {
	digits := bytes.TrimLeft(line, blanks)
	if len(digits) == 0 {
		p.blank++
		return 0, nil, false
	}
	n := 0
	for n < len(digits) && digits[n] != ' ' && digits[n] != '\t' {
		n++
	}
	v, ok := parseNumber(digits[:n], maxNumber)
	if !ok || v == 0 {
		p.problem(verb, line)
		return 0, nil, false
	}
	rest = digits[n:]
	if len(rest) > 0 && rest[0] == '\t' {
		return int32(v), bytes.TrimLeft(rest, blanks), true
	}
	// A tab behind the space is part of the unique-id: it always was, and mail must not look new.
	return int32(v), bytes.TrimLeft(rest, " "), true
}

// word is what stands before the first blank, those at the beginning left out.
func word(b []byte) []byte {
	b = bytes.TrimLeft(b, blanks)
	if i := bytes.IndexAny(b, blanks); i >= 0 {
		return b[:i]
	}
	return b
}

// next is the number of the message whose size comes next, if the answers go together; else 0.
func (p *collector) next() int32 {
	i := p.joined
	if p.apart || i == p.uidl.len() || i > 0 && p.uidl.at(i).num <= p.uidl.at(i-1).num {
		return 0
	}
	return p.uidl.at(i).num
}

// part moves the sizes that are joined already back to where join looks for them.
func (p *collector) part() {
	if p.apart {
		return
	}
	p.apart = true
	for i := range p.joined {
		e := p.uidl.at(i)
		p.list.add(sized{e.size(), e.num})
	}
}

// parseNumber reads decimal digits and nothing else; ok is false for none, others, or a value above most.
func parseNumber(b []byte, most int64) (v int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, ch := range b {
		if ch < '0' || ch > '9' {
			return 0, false
		}
		d := int64(ch - '0')
		if v > (most-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}
