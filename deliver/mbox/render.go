package mbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver"
)

const (
	blockSize  = 64 << 10 // octets of a message that are read at once
	headerScan = 64 << 10 // octets of a message that are searched for Return-Path
	nobody     = "MAILER-DAEMON"
	fromWord   = "From "
	separator  = "\n" // behind each message
)

// task is one message, as it is to stand in the mailbox.
type task struct {
	m     deliver.Outgoing
	from  string
	at    time.Time // of the From_ line, and of the trace line
	trace bool
	sums  prefixes // of it in the mailbox
}

// prepare reads the message, to know that it can be read.
func (o *Options) prepare(ctx context.Context, m deliver.Outgoing) (*task, error) {
	t := &task{m: m, from: nobody, at: m.Staged}
	if t.at.IsZero() {
		t.at = time.Now()
	}
	t.at = t.at.UTC().Truncate(time.Second)
	if _, err := m.Body.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	head := make([]byte, min(headerScan, max(m.Octets, 0)))
	n, err := io.ReadFull(m.Body, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	head = head[:n]
	t.trace = o.Trace && n > 0 && !deliver.Continues(head[0])
	if sender := returnPath(head); sender != "" {
		t.from = sender
	}
	if err := t.render(ctx, &t.sums, ""); err != nil {
		return nil, err
	}
	_, err = t.sums.Write([]byte(separator))
	return t, err
}

// fromLine is the line that a message in a mailbox begins with.
func (t *task) fromLine() string { return fromWord + t.from + " " + t.at.Format(time.ANSIC) + "\n" }

// writeError is of the writer that a message is rendered to, not of the message.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// render writes the message as it is to stand in the mailbox, with glue in front and without the separator.
func (t *task) render(ctx context.Context, w io.Writer, glue string) error {
	if _, err := t.m.Body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var ends deliver.LineEnds
	var q quoter
	in, mid, out := make([]byte, blockSize), make([]byte, 0, blockSize+2), make([]byte, 0, blockSize)
	put := func() error {
		_, err := w.Write(out)
		out = out[:0]
		if err != nil {
			return &writeError{err}
		}
		return nil
	}
	out = append(append(out, glue...), t.fromLine()...)
	if t.trace {
		mid = ends.Append(mid[:0], []byte(deliver.Received("", t.m.Account, t.m.ID, t.at)))
		out = q.append(out, mid)
	}
	last := byte('\n')
	for read := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := t.m.Body.Read(in)
		read += int64(n)
		mid = ends.Append(mid[:0], in[:n])
		if err == io.EOF {
			mid = ends.End(mid)
		}
		if len(mid) > 0 {
			last = mid[len(mid)-1]
		}
		out = q.append(out, mid)
		switch {
		case err == io.EOF && read != t.m.Octets:
			return fmt.Errorf("the message has %d octets instead of %d", read, t.m.Octets)
		case err == io.EOF:
			out = q.end(out)
			if last != '\n' {
				out = append(out, '\n')
			}
			return put()
		case err != nil:
			return err
		}
		if err := put(); err != nil {
			return err
		}
	}
}

// quoter puts one more ">" in front of each line that would look like a From_ line, or like one that was quoted before. It may be
// given a text in pieces. The zero value is ready.
type quoter struct {
	inside bool // of a line that is like no From_ line
	seen   int  // else: how much of "From " it has begun with, behind any ">"; not given out yet
}

func (q *quoter) append(dst, p []byte) []byte {
	for len(p) > 0 {
		switch {
		case q.inside:
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				return append(dst, p...)
			}
			dst, p = append(dst, p[:i+1]...), p[i+1:]
			q.inside = false
		case q.seen == 0 && p[0] == '>': // one more of them can as well stand behind these
			dst, p = append(dst, '>'), p[1:]
		case p[0] == fromWord[q.seen]:
			p = p[1:]
			if q.seen++; q.seen == len(fromWord) {
				dst = append(dst, ">"+fromWord...)
				q.seen, q.inside = 0, true
			}
		default:
			dst = q.end(dst)
			q.inside = true
		}
	}
	return dst
}

// end gives out what was held back of the last line.
func (q *quoter) end(dst []byte) []byte {
	dst = append(dst, fromWord[:q.seen]...)
	q.seen = 0
	return dst
}

// returnPath is the address in the Return-Path of a message that begins with head; "": it has none, or none that can stand in a From_ line,
// where a space ends it.
func returnPath(head []byte) string {
	value, found := "", false
	for line := range bytes.Lines(head) {
		if !bytes.HasSuffix(line, []byte("\n")) && int64(len(head)) >= headerScan {
			return "" // the rest of it is not here
		}
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		case text == "":
			return address(value)
		case text[0] == ' ' || text[0] == '\t':
			if found {
				value += text
			}
			continue
		case found:
			return address(value)
		}
		name, rest, ok := strings.Cut(text, ":")
		if found = ok && strings.EqualFold(strings.TrimRight(name, " \t"), "Return-Path"); found {
			value = rest
		}
	}
	return address(value)
}

// maxAddress is the longest that RFC 5321, section 4.5.3.1, allows, with room for local parts that are longer than that.
const maxAddress = 320

func address(value string) string {
	_, value, ok := strings.Cut(value, "<")
	if !ok {
		return ""
	}
	value, _, ok = strings.Cut(value, ">")
	if !ok || value == "" || len(value) > maxAddress || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return value
}
