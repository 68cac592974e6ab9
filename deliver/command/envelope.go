package command

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/popsync/popsync/deliver"
)

// headerScan is how much of a message is searched for its envelope sender, in octets.
const headerScan = 256 << 10

// envelope finds the envelope sender of m, and its first octet; 0 when it has none.
func (s *Sender) envelope(m deliver.Outgoing) (sender string, first byte, err error) {
	if _, err := m.Body.Seek(0, io.SeekStart); err != nil {
		return "", 0, s.unreadable(err)
	}
	head := make([]byte, min(headerScan, max(m.Octets, 0)))
	n, err := io.ReadFull(m.Body, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF { // shorter than it should be: stage tells
		return "", 0, s.unreadable(err)
	}
	if n > 0 {
		first = head[0]
	}
	return envelopeSender(head[:n], int64(n) < m.Octets), first, nil
}

// envelopeSender returns the address in Return-Path, else in Sender, else in From; "" when there is none, when it is
// the null address, or when it is not one that mailbox accepts. A field that is there decides, right or wrong: a bounce
// must not get a sender. more tells that head is not the whole message.
func envelopeSender(head []byte, more bool) string {
	found := map[string][]byte{}
	name := "" // of the field that the next line may go on with; "" for one that does not matter
	for len(head) > 0 {
		end := bytes.IndexByte(head, '\n')
		if end < 0 {
			end = len(head) - 1
		}
		line := bytes.TrimRight(head[:end+1], "\r\n")
		head = head[end+1:]
		if len(line) == 0 {
			break
		}
		folded := line[0] == ' ' || line[0] == '\t' // RFC 5322, section 2.2.3
		if more && len(head) == 0 {                 // it may go on where nobody looks, and half an address is another one
			if folded {
				delete(found, name)
			}
			break
		}
		if folded {
			if name != "" {
				found[name] = append(found[name], line...)
			}
			continue
		}
		field, value, colon := bytes.Cut(line, []byte(":"))
		name = strings.ToLower(string(bytes.TrimRight(field, " \t")))
		_, again := found[name]
		if !colon || again || name != "return-path" && name != "sender" && name != "from" {
			name = "" // only the first of its kind counts
			continue
		}
		found[name] = bytes.Clone(value)
	}
	for _, name := range []string{"return-path", "sender", "from"} {
		if value, ok := found[name]; ok {
			return mailbox(string(value))
		}
	}
	return ""
}

// mailbox returns the first address of a field, without names, comments and groups (RFC 5322, section 3.4). What stands
// around a comment or a quoted text is not joined: that would be an address that nobody wrote.
func mailbox(value string) string {
	var bare strings.Builder
	depth := 0 // of comments
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && (quoted || depth > 0):
			i++
		case quoted:
			quoted = c != '"'
		case c == '(':
			depth++
			bare.WriteByte(' ')
		case depth > 0:
			if c == ')' {
				depth--
			}
		case c == '"':
			quoted = true
			bare.WriteByte(c)
		case c == '<':
			inside, _, closed := strings.Cut(value[i+1:], ">")
			if !closed {
				return ""
			}
			return address(inside)
		case c == ',' || c == ';':
			if strings.Contains(bare.String(), "@") {
				return address(bare.String())
			}
			bare.Reset()
		case c == ':' && !strings.Contains(bare.String(), "@"): // what came before was the name of a group
			bare.Reset()
		default:
			bare.WriteByte(c)
		}
	}
	if quoted || depth > 0 {
		return ""
	}
	return address(bare.String())
}

// address returns s if it is a Mailbox of RFC 5321, section 4.1.2, with these exceptions: no quoted local part, nothing
// beyond ASCII (delivery agents differ about it), no "-" in front (it would look like an option), and none of ` $ | &
// (people write filters that give it to a shell). A missing sender costs less than any of them.
func address(s string) string {
	s = strings.Trim(s, " \t")
	if strings.HasPrefix(s, "@") { // a source route; RFC 5321, appendix C
		_, s, _ = strings.Cut(s, ":")
	}
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 || s[0] == '-' {
		return ""
	}
	local, domain := s[:at], s[at+1:]
	if !dotted(local, "!#%'*+-/=?^_{}~") {
		return ""
	}
	if inner, ok := strings.CutPrefix(domain, "["); ok { // an address literal
		inner, closed := strings.CutSuffix(inner, "]")
		if !closed || inner == "" || strings.Trim(inner, letters+".:-") != "" {
			return ""
		}
		return s
	}
	if !dotted(domain, "-") {
		return ""
	}
	return s
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// dotted tells whether s is words of letters, digits and others, with single dots between them.
func dotted(s, others string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.Trim(word, letters+others) != "" {
			return false
		}
		if others == "-" && (word[0] == '-' || word[len(word)-1] == '-') {
			return false
		}
	}
	return true
}
