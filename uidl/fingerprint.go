package uidl

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// Limits of what a Fingerprinter looks at. A header beyond them is recognised by its beginning.
const (
	headerMax = 256 << 10 // octets
	fieldsMax = 2000      // fields and lines that are none
)

// The fields that make a fingerprint, in the order of the sum. Relays and mailboxes add others (Received on top,
// Return-Path, Delivered-To, Status, X-anything) or change them; these stay with a message for its life, as does the
// bottom-most Received, which the first server wrote.
var fingerprintFields = [...]string{"message-id", "date", "from", "to", "cc", "subject", "received"}

const (
	received  = 6  // index of the field that counts by its last occurrence only
	otherName = -1 // a field or a line that does not count
	nameMax   = len("message-id")
)

// Fingerprinter computes the Fingerprint of a message from its first octets, which are written to it in pieces of any
// size, with CRLF or LF line ends. It stops at the first empty line, so that the whole message and the answer to
// TOP n 0 (RFC 1939, section 7) give the same, and costs nothing after that.
//
// Values count without the white space around them and with each run of it, folding included (RFC 5322, section
// 2.2.3), as one space; fields of different names count in any order; names in any case. The zero value is ready.
type Fingerprinter struct {
	sums  [len(fingerprintFields)]hash.Hash // of the values of a field, each ended by LF, which no value contains
	seen  [len(fingerprintFields)]bool
	said  [len(fingerprintFields)]bool // it has a value that is not empty
	state scanState
	name  [nameMax + 1]byte // of the field at hand, in lower case; longer ones are none of ours
	n     int               // octets of name
	blank bool              // white space followed the name: only a colon may come now
	field int               // index of the field whose value is at hand, or otherName
	some  bool              // the value has begun
	gap   bool              // white space since: one space, if more of the value follows
	ended bool              // the empty line was seen
	left  int               // octets that may still be looked at
	lines int               // fields and lines begun
	out   [sha256.Size]byte // scratch
}

type scanState uint8

const (
	scanStart scanState = iota // nothing written yet
	scanLine                   // at the first octet of a line
	scanCR                     // after a CR there
	scanName                   // in a field name
	scanValue                  // in a value
	scanSkip                   // in a line that does not count
	scanDone                   // past the header
)

// Reset makes f ready for another message and keeps its memory.
func (f *Fingerprinter) Reset() { *f = Fingerprinter{sums: f.sums} }

// Write takes the next octets; it never fails.
func (f *Fingerprinter) Write(p []byte) (int, error) {
	if f.state == scanStart {
		f.start()
	}
	for rest := p[:min(len(p), f.left)]; len(rest) > 0 && f.state != scanDone; {
		n := f.scan(rest)
		rest = rest[n:]
		f.left -= n
	}
	if f.left == 0 {
		f.state = scanDone
	}
	return len(p), nil
}

func (f *Fingerprinter) start() {
	for i := range f.sums {
		if f.sums[i] == nil {
			f.sums[i] = sha256.New()
		}
		f.sums[i].Reset()
	}
	f.field, f.left, f.state = otherName, headerMax, scanLine
}

// scan takes at least one octet of p and says how many.
func (f *Fingerprinter) scan(p []byte) int {
	switch c := p[0]; f.state {
	case scanLine:
		f.beginLine(c)
	case scanCR:
		if c == '\n' {
			f.state, f.ended = scanDone, true
			return 1
		}
		f.junk()
		return f.skip(p)
	case scanName:
		f.nameOctet(c)
	case scanValue:
		return f.value(p)
	case scanSkip:
		return f.skip(p)
	}
	return 1
}

// beginLine judges the first octet of a line: the end of the header, the continuation of the field at hand, or a new
// one.
func (f *Fingerprinter) beginLine(c byte) {
	switch c {
	case '\n':
		f.state, f.ended = scanDone, true
	case '\r':
		f.state = scanCR
	case ' ', '\t':
		f.gap = true
		f.state = scanValue
		if f.field == otherName {
			f.state = scanSkip
		}
	default:
		f.newLine()
		if f.state != scanDone {
			f.n, f.blank, f.state = 0, false, scanName
			f.nameOctet(c)
		}
	}
}

// newLine counts a line that is no continuation.
func (f *Fingerprinter) newLine() {
	f.endField()
	if f.lines++; f.lines > fieldsMax {
		f.state = scanDone
	}
}

// junk begins a line that is no field; what continues it does not count either.
func (f *Fingerprinter) junk() {
	f.newLine()
	if f.state != scanDone {
		f.state = scanSkip
	}
}

// nameOctet takes an octet of a field name up to the colon, which white space may precede (RFC 5322, section 4.5).
func (f *Fingerprinter) nameOctet(c byte) {
	switch {
	case c == '\n':
		f.state = scanLine
	case c == ':':
		f.beginValue()
	case c == ' ' || c == '\t':
		f.blank = true
	case f.blank || f.n == len(f.name):
		f.state = scanSkip
	default:
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		f.name[f.n] = c
		f.n++
	}
}

func (f *Fingerprinter) beginValue() {
	f.state = scanSkip
	for i, name := range fingerprintFields {
		if string(f.name[:f.n]) == name {
			f.field, f.seen[i], f.some, f.gap, f.state = i, true, false, false, scanValue
			if i == received {
				f.sums[i].Reset()
			}
			return
		}
	}
}

// value takes a run of white space or of other octets of the value at hand. A CR is white space: most end a line, and
// one that does not must count the same whether or not a server removed it.
func (f *Fingerprinter) value(p []byte) int {
	i := 0
	for i < len(p) && !isSpace(p[i]) {
		i++
	}
	if i > 0 {
		sum := f.sums[f.field]
		if f.gap && f.some {
			f.out[0] = ' '
			sum.Write(f.out[:1])
		}
		f.gap, f.some, f.said[f.field] = false, true, true
		sum.Write(p[:i])
		return i
	}
	f.gap = true
	if p[0] == '\n' {
		f.state = scanLine
	}
	return 1
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skip takes the rest of a line that does not count.
func (f *Fingerprinter) skip(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		return len(p)
	}
	if f.state != scanDone {
		f.state = scanLine
	}
	return i + 1
}

// endField closes the value at hand; without it "To: a" and "To: b" would count as "To: ab".
func (f *Fingerprinter) endField() {
	if f.field != otherName {
		f.out[0] = '\n'
		f.sums[f.field].Write(f.out[:1])
	}
	f.field = otherName
}

// Strong tells whether the header has enough to know a message by: a Message-ID, or Date and Received. What has less, other
// messages may have too. It may be asked before or after Sum.
func (f *Fingerprinter) Strong() bool { return f.said[0] || f.said[1] && f.said[received] }

// Ended tells whether the empty line behind the header was seen, or so much that the rest does not count: an answer to TOP that
// lacks it may have been cut. It may be asked before or after Sum.
func (f *Fingerprinter) Ended() bool { return f.ended || f.left == 0 || f.lines > fieldsMax }

// Sum is the fingerprint of what was written, zero when none of the fields occurred. Nothing may be written after it
// but through Reset.
func (f *Fingerprinter) Sum() (fp Fingerprint) {
	if f.state == scanStart || f.seen == [len(fingerprintFields)]bool{} {
		return fp
	}
	f.endField()
	f.state = scanDone
	// One octet of presence and 32 of sum for each field: no two lists of values encode alike.
	var all [len(fingerprintFields) * (1 + sha256.Size)]byte
	for i, sum := range f.sums {
		if f.seen[i] {
			b := all[i*(1+sha256.Size):]
			b[0] = 1
			copy(b[1:], sum.Sum(f.out[:0]))
		}
	}
	whole := sha256.Sum256(all[:])
	copy(fp[:], whole[:])
	return fp
}
