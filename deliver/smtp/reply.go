package smtp

import (
	"errors"
	"strings"
)

// Ways in which a reply is not one. The conversation is out of step afterwards.
var (
	errNoReply   = errors.New("the server sent something that is no reply")
	errLongReply = errors.New("the server's reply is too long")
	errCodes     = errors.New("the lines of the server's reply have different codes")
	errEarly     = errors.New("the server sent something before it was asked")
	errInjected  = errors.New("behind its answer to STARTTLS the server sent something in plaintext: that could be somebody between, who wants it to be believed under TLS; no password was sent")
	errOdd       = errors.New("the server's reply does not fit the command")
)

// reply is a whole reply (RFC 5321, section 4.2).
type reply struct {
	code     int
	enhanced string   // "5.1.1" (RFC 2034); "" when there is none or it contradicts the code
	lines    []string // without codes, as received
}

func (r reply) positive() bool { return r.code/100 == 2 }
func (r reply) refused() bool  { return r.code/100 == 4 || r.code/100 == 5 }

// detail is the enhanced code without its class: "1.1".
func (r reply) detail() string {
	if r.enhanced == "" {
		return ""
	}
	return r.enhanced[2:]
}

// add takes one line without its line end; more tells that another one follows.
func (r *reply) add(line []byte) (more bool, err error) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) {
		return false, errNoReply
	}
	code := int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	text := ""
	if len(line) > 3 {
		if line[3] != ' ' && line[3] != '-' {
			return false, errNoReply
		}
		more, text = line[3] == '-', string(line[4:])
	}
	switch {
	case r.lines == nil:
		r.code = code
		r.enhanced = enhancedCode(code, text)
	case code != r.code:
		return false, errCodes
	case len(r.lines) == maxReplyLines:
		return false, errLongReply
	}
	r.lines = append(r.lines, text)
	return more, nil
}

// enhancedCode finds class.subject.detail at the start of a text (RFC 2034, section 4); its class must be the code's.
func enhancedCode(code int, text string) string {
	word, _, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || int(parts[0][0]-'0') != code/100 {
		return ""
	}
	for _, p := range parts[1:] {
		if len(p) < 1 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return ""
		}
	}
	return word
}

func digit(ch byte) bool { return ch >= '0' && ch <= '9' }
