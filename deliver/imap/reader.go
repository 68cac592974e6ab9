package imap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/transcript"
)

// Ways in which an answer is none. The conversation is out of step afterwards.
var (
	errNoAnswer   = errors.New("the server sent something that is no IMAP answer")
	errLongAnswer = errors.New("the server's answer is too long")
	errEarly      = errors.New("the server sent something before it was asked")
	errOdd        = errors.New("the server's answer does not fit the command")
)

// response is one answer of a server (RFC 9051, section 7).
type response struct {
	tag    string // "*", "+", or a command's tag
	status string // OK, NO, BAD, BYE or PREAUTH; "": it is data, or a continuation
	code   string // of a status, in upper case: TRYCREATE
	args   string // what stands behind the code in its brackets
	text   string // of a status or a continuation, without the code, as received
	number uint32 // "* 5 FETCH": 5
	name   string // of data, in upper case: FETCH
	values []value
}

// value is a part of data: an atom, a string, or a list.
type value struct {
	text   []byte // of an atom or a string
	quoted bool   // it is a string
	cut    bool   // it was longer, and the rest was read away
	list   []value
	isList bool
}

// reader reads answers. What it does not know it skips as grammar, since there may be literals in it.
type reader struct {
	in *bufio.Reader

	line    int // octets since the last literal
	kept    int // octets kept of this answer
	skipped int64

	text  func(octets int64) io.Writer // takes the text of messages, which is not kept; nil, or nil of it: it is read away
	waits func()                       // called while there is more of it

	log  *transcript.Conn // takes lines; literals and strings of messages only as their length
	seen []byte           // of the line, for log
	cut  bool             // there was more of it
	mute bool             // what is read is mail
}

// maxSeen bounds what the log gets of a line, in octets: it shows less.
const maxSeen = 4 << 10

// read reads one answer.
func (r *reader) read() (a response, err error) {
	r.line, r.kept, r.skipped = 0, 0, 0
	if r.log != nil {
		defer r.show(true) // what was begun and came to no end
	}
	a.tag, err = r.word()
	switch {
	case err != nil:
		return a, err
	case a.tag == "+":
		a.text, err = r.rest()
		return a, err
	case a.tag == "*":
	case a.tag == "" || len(a.tag) > 16 || strings.ContainsFunc(a.tag, notTag):
		return a, errNoAnswer
	}
	word, err := r.word()
	if err != nil {
		return a, err
	}
	switch upper := strings.ToUpper(word); upper {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		a.status = upper
		text, err := r.rest()
		if err != nil {
			return a, err
		}
		a.code, a.args, a.text = splitCode(text)
		return a, nil
	default:
		if a.tag != "*" || word == "" {
			return a, errNoAnswer
		}
		if n, err := strconv.ParseUint(word, 10, 32); err == nil {
			a.number = uint32(n)
			if word, err = r.word(); err != nil {
				return a, err
			}
		}
		a.name = strings.ToUpper(word)
	}
	a.values, err = r.list(0)
	return a, err
}

func notTag(ch rune) bool {
	return (ch < '0' || ch > '9') && (ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
}

// splitCode takes the code off a status's text.
func splitCode(text string) (code, args, rest string) {
	if !strings.HasPrefix(text, "[") {
		return "", "", text
	}
	quoted := false
	for i := 1; i < len(text); i++ {
		switch ch := text[i]; {
		case ch == '"':
			quoted = !quoted
		case ch == ']' && !quoted:
			code, args, _ = strings.Cut(text[1:i], " ")
			return strings.ToUpper(code), args, strings.TrimLeft(text[i+1:], " ")
		}
	}
	return "", "", text
}

func (r *reader) byte() (byte, error) {
	ch, err := r.in.ReadByte()
	if err != nil {
		if err == io.EOF && r.line+r.kept > 0 {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	if r.line++; r.line > maxLine {
		return 0, errLongAnswer
	}
	if r.log == nil || r.mute {
		return ch, nil
	}
	if r.cut = r.cut || len(r.seen) == maxSeen; !r.cut {
		r.seen = append(r.seen, ch)
	}
	if ch == '\n' {
		r.show(false)
	}
	return ch, nil
}

// show gives the log what was read of a line.
func (r *reader) show(cut bool) {
	if len(r.seen) > 0 {
		r.log.Received(bytes.TrimRight(r.seen, "\r\n"), r.cut || cut)
	}
	r.seen, r.cut = r.seen[:0], false
}

// back gives one octet back.
func (r *reader) back() {
	_ = r.in.UnreadByte()
	r.line--
	if r.log != nil && !r.cut {
		r.seen = r.seen[:len(r.seen)-1]
	}
}

// word reads to the next space, which it takes, or line end, which it leaves.
func (r *reader) word() (string, error) {
	var b []byte
	for {
		ch, err := r.byte()
		switch {
		case err != nil:
			return "", err
		case ch == ' ':
			return string(b), nil
		case ch == '\r':
			r.back()
			return string(b), nil
		case ch < ' ' || ch > '~' || len(b) == 64:
			return "", errNoAnswer
		}
		b = append(b, ch)
	}
}

// rest reads to the line end, which must be CRLF: what a server quotes from a message must not become an answer.
func (r *reader) rest() (string, error) {
	var b []byte
	for {
		ch, err := r.byte()
		if err != nil {
			return "", err
		}
		if ch != '\n' {
			b = append(b, ch)
			continue
		}
		text, ok := bytes.CutSuffix(b, []byte("\r"))
		if !ok {
			return "", errNoAnswer
		}
		return string(text), nil
	}
}

// list reads values to the closing parenthesis, or at depth 0 to the line end.
func (r *reader) list(depth int) (all []value, err error) {
	if depth > maxNesting {
		return nil, errLongAnswer
	}
	for {
		ch, err := r.byte()
		if err != nil {
			return nil, err
		}
		var v value
		switch {
		case ch == ' ':
			continue
		case ch == ')' && depth > 0:
			return all, nil
		case ch == '\r' && depth == 0:
			if ch, err = r.byte(); err != nil {
				return nil, err
			}
			if ch != '\n' {
				return nil, errNoAnswer
			}
			return all, nil
		case ch == '(':
			v.isList = true
			v.list, err = r.list(depth + 1)
		case ch == '"':
			v.quoted = true
			v.text, err = r.quotedText(ofMail(all))
			if err == nil && r.isText(all) {
				err = r.pass(bytes.NewReader(v.text), int64(len(v.text)))
			}
		case ch == '{', ch == '~' && r.next('{'):
			v.quoted = true
			v.text, v.cut, err = r.literal(r.isText(all))
		case ch <= ' ' || ch == ')' || ch == 0x7f:
			return nil, errNoAnswer
		default:
			r.back()
			v.text, err = r.atom()
		}
		if err != nil {
			return nil, err
		}
		if r.kept += len(v.text) + 64; r.kept > maxTotal {
			return nil, errLongAnswer
		}
		all = append(all, v)
	}
}

// next takes the next octet if it is this one.
func (r *reader) next(want byte) bool {
	if b, err := r.in.Peek(1); err != nil || b[0] != want {
		return false
	}
	_, err := r.byte()
	return err == nil
}

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

// word gives an atom or a string as text, in upper case.
func (v *value) word() string { return strings.ToUpper(string(v.text)) }

// uint32 reads a number; 0 for anything else.
func (v *value) uint32() uint32 {
	n, err := strconv.ParseUint(string(v.text), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
