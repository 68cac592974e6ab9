package imap

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// atom reads to what cannot be in one; in brackets, as of BODY[HEADER.FIELDS (A B)], anything may be.
func (r *reader) atom() (b []byte, err error) {
	brackets := 0
	for {
		ch, err := r.byte()
		switch {
		case err != nil:
			return nil, err
		case ch == '[':
			brackets++
		case ch == ']' && brackets > 0:
			brackets--
		case ch == '\r' && brackets == 0, brackets == 0 && (ch == ' ' || ch == '(' || ch == ')'):
			r.back()
			return b, nil
		case ch < ' ':
			return nil, errNoAnswer
		}
		b = append(b, ch)
	}
}

// quotedText reads to the closing quotation mark; mail tells that it is of a message.
func (r *reader) quotedText(mail bool) (b []byte, err error) {
	if mail && r.log != nil {
		r.mute = true
		defer func() {
			if r.mute = false; err == nil && !r.cut {
				r.seen = fmt.Appendf(r.seen, "<%d octets>\"", len(b))
			}
		}()
	}
	for {
		ch, err := r.byte()
		switch {
		case err != nil:
			return nil, err
		case ch == '"':
			return b, nil
		case ch == '\\':
			if ch, err = r.byte(); err != nil {
				return nil, err
			}
		}
		if ch == '\r' || ch == '\n' || ch == 0 {
			return nil, errNoAnswer
		}
		b = append(b, ch)
	}
}

// ofMail tells that what follows these values is of a message.
func ofMail(before []value) bool {
	return len(before) > 0 && (strings.HasPrefix(before[len(before)-1].word(), "BODY[") || strings.HasPrefix(before[len(before)-1].word(), "RFC822"))
}

// isText tells that what follows these values is a message's text, and that somebody wants it.
func (r *reader) isText(before []value) bool {
	return r.text != nil && len(before) > 0 && before[len(before)-1].word() == "BODY[TEXT]"
}

// pass gives a message's text to whoever wants it.
func (r *reader) pass(in io.Reader, n int64) error {
	w := r.text(n)
	if w == nil {
		return errLongAnswer
	}
	for n > 0 {
		r.waits()
		did, err := io.CopyN(w, in, min(n, maxLiteral))
		if n -= did; err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// literal reads what stands behind the opening brace; text tells that it is a message's.
func (r *reader) literal(text bool) (b []byte, cut bool, err error) {
	var digits []byte
	for {
		ch, err := r.byte()
		if err != nil {
			return nil, false, err
		}
		if ch == '}' {
			break
		}
		if ch < '0' || ch > '9' || len(digits) == 12 {
			return nil, false, errNoAnswer
		}
		digits = append(digits, ch)
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return nil, false, errNoAnswer
	}
	for _, want := range []byte("\r\n") {
		if ch, err := r.byte(); err != nil {
			return nil, false, err
		} else if ch != want {
			return nil, false, errNoAnswer
		}
	}
	r.line = 0
	if r.log != nil {
		defer func() { r.log.ReceivedBody(n, err == nil) }()
	}
	if text {
		return nil, true, r.pass(r.in, n)
	}
	keep := min(n, maxLiteral)
	if r.kept+int(keep) > maxTotal || r.skipped+n-keep > maxSkipped {
		return nil, false, errLongAnswer
	}
	// What was announced need not come: room is made for what is there.
	b, err = io.ReadAll(io.LimitReader(r.in, keep))
	if err == nil && int64(len(b)) < keep {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && n > keep {
		r.skipped += n - keep
		cut = true
		if _, err = io.CopyN(io.Discard, r.in, n-keep); err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	return slices.Clip(b), cut, err
}
