package gmail

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/popsync/popsync/deliver"
)

// task is one message on its way, ready to be sent.
type task struct {
	id      string
	account string
	again   bool
	body    io.ReadSeeker
	octets  int64 // of body
	named   bool  // it has exactly one Message-ID: Gmail keeps one copy of it, however often it is sent
	folded  bool  // it begins with a space or a tab, so that no line can go on top
}

// prepare reads the message once. wanted is false for one that Gmail cannot have.
func (o *Options) prepare(ctx context.Context, m deliver.Outgoing) (t *task, wanted bool, err error) {
	if _, err := m.Body.Seek(0, io.SeekStart); err != nil {
		return nil, true, err
	}
	t = &task{id: m.ID, account: m.Account, again: m.Again, body: m.Body}
	in := make([]byte, 16<<10)
	var top []byte
	for {
		if err := ctx.Err(); err != nil {
			return nil, true, err
		}
		n, err := m.Body.Read(in)
		t.octets += int64(n)
		top = append(top, in[:min(n, maxHeader+1-len(top))]...)
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, true, err
		}
	}
	switch {
	case t.octets != m.Octets:
		return nil, true, fmt.Errorf("the message has %d octets instead of %d", t.octets, m.Octets)
	case t.octets == 0:
		return nil, false, errEmpty
	case t.octets+1024 > maxOctets: // with the line that may go on top
		return nil, false, errBig
	}
	t.named = messageIDs(top) == 1
	t.folded = deliver.Continues(top[0])
	return t, true, nil
}

// added is the line that goes on top of a message that is sent at a time; nil: none does.
func (o *Options) added(t *task, at time.Time) []byte {
	if !o.Trace || t.folded {
		return nil
	}
	return []byte(deliver.Received("", t.account, t.id, at))
}

// messageIDs counts the fields Message-ID of a header that have a value (RFC 5322, section 3.6.4). A header that does not end within
// maxHeader has none that counts, and so has one with such a field without a value: what Gmail makes of it is not known.
func messageIDs(top []byte) (n int) {
	cut := len(top) > maxHeader
	for len(top) > 0 {
		var line []byte
		line, top, _ = bytes.Cut(top, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return n
		}
		field, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !bytes.EqualFold(bytes.TrimRight(field, " \t"), []byte("message-id")) {
			continue
		}
		value = bytes.Clone(value)
		for len(top) > 0 && (top[0] == ' ' || top[0] == '\t') { // folded (RFC 5322, section 2.2.3)
			var more []byte
			more, top, _ = bytes.Cut(top, []byte("\n"))
			value = append(value, more...)
		}
		if len(bytes.Trim(value, " \t\r<>")) == 0 {
			return 0
		}
		n++
	}
	if cut {
		return 0
	}
	return n
}

// source reads a message for one request. What fails in it is remembered: net/http words it in its own way. An answer that comes early
// may find net/http still reading: stop keeps it from reading on when the message is read anew.
type source struct {
	mu      sync.Mutex
	r       io.Reader
	failed  error
	sent    int64
	stopped bool
}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return 0, errClosed
	}
	n, err := s.r.Read(p)
	s.sent += int64(n)
	if err != nil && err != io.EOF {
		s.failed = err
	}
	return n, err
}

// stop ends it, and tells how many octets were read, and what failed. The nil source had none.
func (s *source) stop() (sent int64, failed error) {
	if s == nil {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	return s.sent, s.failed
}
