package imap

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/transcript"
)

// Ways in which an answer is none. The conversation is out of step afterwards.
var (
	errNoAnswer   = errors.New("the server sent something that is no IMAP answer")
	errLongAnswer = errors.New("the server's answer is too long")
	errInjected   = errors.New("behind its answer to STARTTLS the server sent something in plaintext: that could be somebody between, who wants it to be believed under TLS; no password was sent")
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
