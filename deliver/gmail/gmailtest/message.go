package gmailtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
)

// Message is one in the mailbox.
type Message struct {
	ID     string // Gmail's
	Raw    string // "" with Options.Digest
	Sum    [sha256.Size]byte
	Octets int64
	Labels []string // names
	Times  int      // how often it was imported
}

// maxMessage is the most that is taken, in octets.
const maxMessage = 157_286_400

// block is what upload sessions keep: whole blocks, but at the end.
const block = 256 << 10

// parts is a message as it comes in.
type parts struct {
	sum    hash.Hash
	octets int64
	head   []byte // its beginning
	raw    []byte
	keep   bool
}

const maxHead = 128 << 10

func newParts(raw []byte) *parts {
	p := &parts{sum: sha256.New(), keep: true}
	p.add(raw)
	return p
}

func (p *parts) add(b []byte) {
	p.sum.Write(b)
	p.octets += int64(len(b))
	p.head = append(p.head, b[:min(len(b), maxHead-len(p.head))]...)
	if p.keep {
		p.raw = append(p.raw, b...)
	}
}

// read takes what comes, in whole blocks and the end if all came; want is the number of octets that the whole has, -1: not known.
func (p *parts) read(from io.Reader, want int64) error {
	b := make([]byte, block)
	for {
		n, err := io.ReadFull(from, b)
		if err == io.EOF {
			return nil
		}
		whole := n == len(b) || want < 0 || p.octets+int64(n) == want
		if whole && (err == nil || err == io.ErrUnexpectedEOF) {
			p.add(b[:n])
		}
		if p.octets > maxMessage {
			return nil
		}
		if err != nil {
			if err == io.ErrUnexpectedEOF {
				return nil
			}
			return err
		}
	}
}

// fields gives the values of a header field.
func (p *parts) fields(name string) (values []string) {
	header, _, _ := bytes.Cut(p.head, []byte("\r\n\r\n"))
	text := strings.ReplaceAll(strings.ReplaceAll(string(header), "\r\n ", " "), "\r\n\t", " ")
	for line := range strings.SplitSeq(text, "\r\n") {
		if field, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(field), name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// refusal is what Gmail says of a message that it does not want; "": it takes it.
func (p *parts) refusal() (status int, message string) {
	from := p.fields("From")
	switch {
	case p.octets > maxMessage:
		return http.StatusRequestEntityTooLarge, "Request Entity Too Large"
	case len(from) != 1:
		return http.StatusBadRequest, "Expected a single 'From' header"
	case bytes.Contains(p.head, []byte(".exe\"")):
		return http.StatusBadRequest, "Invalid attachment. Please check https://support.google.com/mail/answer/6590 for the kinds that are not allowed."
	}
	if list, err := mail.ParseAddressList(from[0]); err != nil || len(list) != 1 {
		return http.StatusBadRequest, "Invalid From header"
	}
	return 0, ""
}

// keep puts a message into the mailbox, or adds labels to the one that is there. s.mu is held.
func (s *Server) keep(p *parts, labels []string) *Message {
	ids := p.fields("Message-ID")
	if len(ids) == 1 && ids[0] != "" {
		if m := s.byID[ids[0]]; m != nil {
			m.Times++
			for _, l := range labels {
				if !slices.Contains(m.Labels, l) {
					m.Labels = append(m.Labels, l)
				}
			}
			return m
		}
	}
	m := &Message{ID: fmt.Sprintf("19a%013x", len(s.messages)+1), Raw: string(p.raw), Octets: p.octets, Labels: labels, Times: 1}
	p.sum.Sum(m.Sum[:0])
	s.messages = append(s.messages, m)
	if len(ids) == 1 && ids[0] != "" {
		s.byID[ids[0]] = m
	}
	return m
}

// take judges a message and keeps it, and answers.
func (s *Server) take(w http.ResponseWriter, p *parts, ids []string, never bool) *Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := s.unknown(ids); id != "" {
		refuse(w, http.StatusBadRequest, "invalidArgument", "INVALID_ARGUMENT", "Invalid label: "+id)
		return nil
	}
	if status, message := p.refusal(); message != "" && !s.o.Lax {
		reason := "invalidArgument"
		if status == http.StatusRequestEntityTooLarge {
			reason = "uploadTooLarge"
		}
		refuse(w, status, reason, "", message)
		return nil
	}
	labels := s.named(ids)
	if subject := p.fields("Subject"); !never && len(subject) > 0 && strings.Contains(subject[0], "V1AGRA") {
		labels = append(slices.DeleteFunc(labels, func(l string) bool { return l == "INBOX" }), "SPAM")
	}
	m := s.keep(p, labels)
	object(w, http.StatusOK, map[string]any{"id": m.ID, "labelIds": m.Labels})
	return &Message{ID: m.ID, Labels: slices.Clone(m.Labels)}
}
