package imap

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
)

// sum stands for a header field: name and value, as compare sees them.
type sum [16]byte

// header is what a message is recognised by: its fields, in no order. Servers change some (8-bit octets become X, blanks are folded
// anew, bare CRs go), so what they are apt to change is made equal first.
type header struct {
	must     map[sum]int // Received, Message-ID and Date, and what tells for whom a copy is
	others   map[sum]int
	n        int  // others
	tells    bool // one of Received, Message-ID and Date is there
	received bool // one of the first is
	id, date sum  // of the first Message-ID and Date; zero: there is none
	top      string
	traces   []string // delivery ids, of lines that popsync added
	cut      bool     // it went on
}

// copied are fields in which copies of one message for several recipients differ.
var copied = map[string]bool{"delivered-to": true, "x-original-to": true, "x-delivered-to": true, "envelope-to": true, "x-envelope-to": true}

// mboxes are fields in which servers that keep mboxes write down what is theirs: they drop those of others.
var mboxes = map[string]bool{"status": true, "x-status": true, "x-uid": true, "x-imapbase": true}

// newHeader reads a header, up to its empty line or end. cut tells that it went on.
func newHeader(text []byte, cut bool) header {
	h := header{must: map[sum]int{}, others: map[sum]int{}, cut: cut}
	var field []byte
	add := func() {
		if len(field) > 0 {
			h.add(field)
		}
		field = field[:0]
	}
	for len(text) > 0 {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		text = rest
		if cut && !ended && len(rest) == 0 {
			break // a line that was cut says nothing
		}
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			add()
		}
		field = append(append(field, ' '), line...)
	}
	add()
	return h
}

// alike makes equal what servers are apt to change.
func alike(text []byte) []byte {
	out := make([]byte, 0, len(text))
	blank := true
	for _, ch := range text {
		switch {
		case ch == '\r':
			continue
		case ch == ' ' || ch == '\t':
			if !blank {
				out = append(out, ' ')
			}
			blank = true
			continue
		case ch >= 0x80 || ch == 0:
			ch = 'X'
		}
		blank = false
		out = append(out, ch)
	}
	return bytes.TrimRight(out, " ")
}

func (h *header) add(field []byte) {
	field = alike(field)
	name, value, ok := bytes.Cut(field, []byte(":"))
	kind := ""
	if ok {
		kind = string(bytes.ToLower(bytes.TrimRight(name, " ")))
	} else {
		value, name = name, nil
	}
	whole := sha256.Sum256(slices.Concat([]byte(kind), []byte{':'}, bytes.TrimLeft(value, " ")))
	s := sum(whole[:16])
	switch {
	case kind == "received":
		if !h.received {
			h.top = string(value)
		}
		h.received = true
		if _, rest, ok := strings.Cut(string(value), "from popsync "); ok {
			if _, rest, ok = strings.Cut(rest, " id "); ok {
				id, _, _ := strings.Cut(rest, ";")
				h.traces = append(h.traces, id)
			}
		}
	case kind == "message-id":
		if h.id == (sum{}) {
			h.id = s
		}
	case kind == "date":
		if h.date == (sum{}) {
			h.date = s
		}
	case copied[kind]:
		h.must[s]++
		return
	case mboxes[kind], kind != "from" && bytes.HasPrefix(field, []byte("From ")): // the line before a message in an mbox
		return
	default:
		h.others[s]++
		h.n++
		return
	}
	h.tells = true
	h.must[s]++
}

// strong tells whether the header alone tells a message from all others: a server noted when and how it came by, and its writer named it or
// its time.
func (h *header) strong() bool { return h.received && (h.id != sum{} || h.date != sum{}) }

// missing counts the fields of h that another header lacks; ok is false where that is more than servers leave out: one of those that must be
// there, or more than one in five of the others.
func (h *header) missing(theirs *header) (n int, ok bool) {
	for s, count := range h.must {
		if theirs.must[s] < count {
			return 0, false
		}
	}
	for s, count := range h.others {
		n += max(0, count-theirs.others[s])
	}
	return n, n <= h.n/5
}

// resembles tells whether theirs may be what a server that rewrites headers made of h.
func (h *header) resembles(theirs *header) bool {
	switch {
	case h.id != sum{} && theirs.id != sum{}:
		return h.id == theirs.id
	case h.date != sum{} && theirs.date != sum{}:
		return h.date == theirs.date
	}
	return h.id == theirs.id || h.date == theirs.date || !h.tells
}

// key is equal for messages that a look might take for each other: 64 bits of SHA-256, in hexadecimal. text is what tells messages apart
// that their headers do not.
func (h *header) key(text string) string {
	var all []sum
	for s, n := range h.must {
		all = append(all, slices.Repeat([]sum{s}, n)...)
	}
	slices.SortFunc(all, func(a, b sum) int { return bytes.Compare(a[:], b[:]) })
	whole := sha256.New()
	for _, s := range all {
		whole.Write(s[:])
	}
	if !h.strong() {
		io.WriteString(whole, text)
	}
	return hex.EncodeToString(whole.Sum(nil)[:8])
}
