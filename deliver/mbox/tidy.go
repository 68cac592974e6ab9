package mbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strconv"
	"strings"
)

// prefixes are sums of the beginning of a message, of 8 octets, 16, 32 and so on: by them a piece of it is known without it. Whole is all of it,
// with From_ line and separator.
type prefixes struct {
	whole int64
	sums  []string
	sum   hash.Hash
}

const firstPrefix = 8

// Write takes the message.
func (x *prefixes) Write(p []byte) (int, error) {
	if x.sum == nil {
		x.sum = sha256.New()
	}
	for rest := p; len(rest) > 0; {
		edge := int64(firstPrefix) << len(x.sums)
		n := min(int64(len(rest)), edge-x.whole)
		x.sum.Write(rest[:n])
		x.whole += n
		rest = rest[n:]
		if x.whole == edge {
			x.sums = append(x.sums, hex.EncodeToString(x.sum.Sum(nil)[:4]))
		}
	}
	return len(p), nil
}

// String is how they stand in the record.
func (x *prefixes) String() string {
	return strconv.FormatInt(x.whole, 10) + ":" + strings.Join(x.sums, ",")
}

func parsePrefixes(s string) (x prefixes, ok bool) {
	whole, sums, ok := strings.Cut(s, ":")
	n, err := strconv.ParseInt(whole, 10, 64)
	if x.whole = n; sums != "" {
		x.sums = strings.Split(sums, ",")
	}
	return x, ok && err == nil && len(x.sums) < 60
}

// otherBegins is what another program's message begins with, behind what a kill left of ours.
var otherBegins = regexp.MustCompile(`(^|[^>])From [^ \n]+ +(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z]`)

// tidy cuts off the piece with which the file ends, if it is of the message that was begun last: another one is about to be written behind it, and the
// first may not come for long. What is not surely such a piece stays, and so does all where the ledger knows of nothing in doubt.
func (s *Sender) tidy(b *box) error {
	id, p, ok := s.rec.last()
	if !ok || s.held && !s.began || p.dev != b.dev || p.ino != b.ino || b.size <= p.base {
		return nil
	}
	tail, err := b.tail(p.base)
	if err != nil || sumOf(tail) != p.tail {
		return err
	}
	begin := p.base + int64(len(glueFor(tail)))
	piece := b.size - begin
	if piece >= p.sums.whole {
		return nil
	}
	const overlap = 512 // more than a From_ line has before its date
	var there prefixes
	var text []byte
	for at := int64(0); at < piece; {
		block := make([]byte, min(piece-at, blockSize))
		if _, err := b.file.ReadAt(block, begin+at); err != nil {
			return err
		}
		at += int64(len(block))
		_, _ = there.Write(block)
		text = append(text[max(0, len(text)-overlap):], block...)
		search := text
		if at == int64(len(block)) { // it begins with a From_ line itself
			_, search, _ = bytes.Cut(text, []byte("\n"))
		}
		if otherBegins.Match(search) {
			return nil
		}
	}
	for i, sum := range there.sums {
		if i >= len(p.sums.sums) || sum != p.sums.sums[i] {
			return nil
		}
	}
	if err := b.file.Truncate(p.base); err != nil {
		return fmt.Errorf("a piece of a message cannot be cut off: %w", err)
	}
	b.size = p.base
	s.rec.drop(id)
	return nil
}
