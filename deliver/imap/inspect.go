package imap

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/popsync/popsync/deliver"
)

// blockSize is how much of a message is read at once, in octets.
const blockSize = 16 << 10

// task is one message on its way, ready to be sent.
type task struct {
	id     string
	again  bool
	body   io.ReadSeeker
	octets int64  // of added and body
	read   int64  // that body must have
	added  []byte // a trace line that goes on top
	date   string // for APPEND; "": none

	header header // what it is recognised by
	text   string // its text: see textSum
	key    string // equal for messages that a look might take for this one
	traced bool   // it gets a line with its delivery id
	plain  bool   // nothing is in it that a server might change
	digest string // SHA-1 of all octets as they are sent, in hexadecimal; "": it differs from try to try

	tries   int  // of one Send
	undated bool // the server was annoyed by its date
	looked  bool // it was looked for, and is not there
}

var (
	errNUL   = errors.New("it holds a NUL, which no message in an IMAP mailbox can hold (RFC 3501, section 4.3)")
	errEmpty = errors.New("it is empty, and an IMAP server takes that for no message")
)

// prepare reads the message once and makes a task of it. wanted is false for a message that IMAP cannot carry.
func (o *Options) prepare(ctx context.Context, m deliver.Outgoing) (t *task, wanted bool, err error) {
	if _, err := m.Body.Seek(0, io.SeekStart); err != nil {
		return nil, true, err
	}
	t = &task{id: m.ID, again: m.Again, body: m.Body, plain: true}
	sum := sha1.New()
	in, nul, first, last := make([]byte, blockSize), false, byte(0), byte(0)
	var top []byte
	text := splitter{text: newTextSum()}
	for {
		if err := ctx.Err(); err != nil {
			return nil, true, err
		}
		n, err := m.Body.Read(in)
		p := in[:n]
		if n > 0 && t.read == 0 {
			first = p[0]
		}
		t.read += int64(n)
		sum.Write(p)
		nul = nul || bytes.IndexByte(p, 0) >= 0
		t.plain = t.plain && plain(p, &last)
		header := text.Write(p)
		top = append(top, p[:min(header, maxHeader+1-len(top))]...)
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, true, err
		}
	}
	switch {
	case t.read != m.Octets:
		return nil, true, fmt.Errorf("the message has %d octets instead of %d", t.read, m.Octets)
	case t.read == 0:
		return nil, false, errEmpty
	case nul:
		return nil, false, errNUL
	}
	t.header = newHeader(top[:min(len(top), maxHeader)], len(top) > maxHeader)
	t.text = text.text.sum()
	t.key = t.header.key(t.text)
	t.date = internalDate(t.header.top, o.Now())
	t.digest = hex.EncodeToString(sum.Sum(nil))
	if o.Trace && !deliver.Continues(first) {
		t.added = []byte(deliver.Received("", m.Account, m.ID, time.Now()))
		t.traced, t.digest = true, ""
	}
	t.octets = t.read + int64(len(t.added))
	return t, true, nil
}

// plain tells whether a piece of a message is ASCII with CRLF line ends. last is the octet before it.
func plain(p []byte, last *byte) bool {
	for _, ch := range p {
		if ch >= 0x80 || (ch == '\n') != (*last == '\r') {
			return false
		}
		*last = ch
	}
	return true
}
