package pop3

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
)

const (
	maxNumber = math.MaxInt32 // message numbers above are not believed
	maxSize   = 1 << 62
)

var errRepeated = errors.New("message number occurs twice in the listing")

// collector gathers the lines of UIDL, then of LIST, and joins them. As long as both name the same messages in rising
// order, which is nearly always, each size goes straight to its message, while the server is still sending.
type collector struct {
	l      *Listing
	maxUID int
	strike func(text []byte) []byte                       // takes the secret out of what is shown; nil: nothing to take out
	name   func(prefix string, uid []byte) (string, bool) // what stands for a UID that holds the secret; nil: none does
	uidl   []entry                                        // in the server's order
	uids   strings.Builder
	joined int     // how many of uidl have their size; means nothing once apart
	apart  bool    // the two answers do not go together: list has all of LIST
	list   []sized // in the server's order
	blank  int     // lines that hold nothing
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
	e := entry{num: num, off: uint32(p.uids.Len()), has: len(uid) > 0}
	if name, ok := p.nameOf(uid); ok {
		uid = []byte(name)
	} else if len(uid) > p.maxUID {
		sum := sha256.Sum256(uid)
		uid = append([]byte(hashedUID), hex.EncodeToString(sum[:])...)
	}
	e.len = uint16(len(uid)) // a line has at most 32 KiB
	p.uids.Write(uid)
	p.uidl = append(p.uidl, e)
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
	octets, _ := parseNumber(word(rest), maxSize)
	if p.next() == num {
		p.uidl[p.joined].size = octets
		p.joined++
		return
	}
	p.part()
	p.list = append(p.list, sized{octets, num})
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
	if p.apart || i == len(p.uidl) || i > 0 && p.uidl[i].num <= p.uidl[i-1].num {
		return 0
	}
	return p.uidl[i].num
}

// part moves the sizes that are joined already back to where join looks for them.
func (p *collector) part() {
	if p.apart {
		return
	}
	p.apart = true
	p.list = make([]sized, 0, len(p.uidl))
	for _, e := range p.uidl[:p.joined] {
		p.list = append(p.list, sized{e.size, e.num})
	}
}

// join makes the Listing. A number that occurs twice in one answer makes all of it unusable: which message would a
// DELE remove?
func (p *collector) join() error {
	l := p.l
	l.uids = p.uids.String()
	if !p.apart && p.joined == len(p.uidl) {
		l.entries = p.uidl
		for i := range l.entries {
			l.add(l.entries[i].size)
		}
		p.weighBlanks()
		return nil
	}
	p.part()
	if !sortUnique(p.list, func(s sized) int32 { return s.num }) {
		return errRepeated
	}
	if l.NoUIDL {
		l.entries = make([]entry, len(p.list))
		for i, s := range p.list {
			l.entries[i] = entry{num: s.num, size: s.size}
			l.add(s.size)
		}
		p.weighBlanks()
		return nil
	}
	if !sortUnique(p.uidl, func(e entry) int32 { return e.num }) {
		return errRepeated
	}
	l.entries = p.uidl[:0] // what is kept never overtakes what is read
	i, j := 0, 0
	for i < len(p.uidl) && j < len(p.list) {
		e, s := p.uidl[i], p.list[j]
		switch {
		case e.num < s.num:
			l.OnlyUIDL++
			i++
		case e.num > s.num:
			l.OnlyLIST++
			j++
		default:
			e.size = s.size
			l.entries = append(l.entries, e)
			l.add(s.size)
			i, j = i+1, j+1
		}
	}
	l.OnlyUIDL += len(p.uidl) - i
	l.OnlyLIST += len(p.list) - j
	l.Complete = l.Complete && l.OnlyUIDL+l.OnlyLIST == 0
	p.weighBlanks()
	return nil
}

// weighBlanks decides what blank lines mean: nothing, unless a number is missing. Then one of them may have been its line. An
// empty mailbox may have one in each answer.
func (p *collector) weighBlanks() {
	l := p.l
	n := len(l.entries)
	if p.blank == 0 || !l.Complete || n == 0 && p.blank <= 2 || n > 0 && int(l.entries[n-1].num) == n {
		return
	}
	l.Complete = false
	l.Bad += p.blank
	l.Problems = append(l.Problems, "blank lines, where message numbers are missing")
}

func (l *Listing) add(size int64) {
	if l.bytes > math.MaxInt64-size {
		l.bytes = math.MaxInt64
		return
	}
	l.bytes += size
}

// sortUnique sorts by number, which costs nothing in the usual case, and tells whether all numbers differ.
func sortUnique[T any](s []T, num func(T) int32) bool {
	byNum := func(a, b T) int { return cmp.Compare(num(a), num(b)) }
	if !slices.IsSortedFunc(s, byNum) {
		slices.SortFunc(s, byNum)
	}
	for i := 1; i < len(s); i++ {
		if num(s[i-1]) == num(s[i]) {
			return false
		}
	}
	return true
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
