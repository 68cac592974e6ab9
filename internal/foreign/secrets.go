package foreign

import (
	"bytes"
	"slices"
)

// least is the length in octets from which on something is struck. What is shorter protects nothing, and would tell what it is by
// what is missing from every text.
const least = 4

const marker, shortMarker = "(secret)", "***"

// Secrets are what must not be shown of a login: the secret in the forms that a peer may give it back in, whatever their case. The
// nil Secrets are none. They are safe for concurrent use.
type Secrets struct {
	forms  [][]byte     // in lower case, none shorter than least
	first  [1024]uint64 // which four octets, in lower case, a form begins with, by their hash
	inName bool         // see Names
}

// NewSecrets makes those of a user's secret; "": there is none. more are texts that are struck as they are: messages that a secret
// is in, or what was made of it.
func NewSecrets(user, secret string, more ...string) *Secrets {
	s := &Secrets{inName: telling(secret)}
	if secret != "" {
		more = append(forms(user, secret), more...)
	}
	for _, f := range more {
		s.add(f)
	}
	s.sort()
	return s
}

// And makes both one. Either may be nil.
func (s *Secrets) And(t *Secrets) *Secrets {
	if s == nil {
		return t
	}
	if t == nil {
		return s
	}
	both := &Secrets{inName: s.inName || t.inName}
	for _, f := range slices.Concat(s.forms, t.forms) {
		both.add(string(f))
	}
	both.sort()
	return both
}

// sort puts the longest forms first.
func (s *Secrets) sort() {
	slices.SortFunc(s.forms, func(a, b []byte) int { return len(b) - len(a) })
}

func (s *Secrets) add(form string) {
	if len(form) < least {
		return
	}
	f := []byte(form)
	for i, ch := range f {
		f[i] = lower(ch)
	}
	if slices.ContainsFunc(s.forms, func(g []byte) bool { return bytes.Equal(f, g) }) {
		return
	}
	s.forms = append(s.forms, f)
	h := hash(uint32(f[0])<<24 | uint32(f[1])<<16 | uint32(f[2])<<8 | uint32(f[3]))
	s.first[h/64] |= 1 << (h % 64)
}

func lower(ch byte) byte {
	if ch >= 'A' && ch <= 'Z' {
		return ch | 0x20
	}
	return ch
}

// hash spreads four octets over the bits of Secrets.first.
func hash(w uint32) uint32 { return w * 2654435761 >> 16 }

// find returns where the next form begins at from or behind, and the end of the longest that begins there; begin is len(text) for
// none.
func (s *Secrets) find(text []byte, from int) (begin, end int) {
	var w uint32
	for i := from; i < len(text); i++ {
		w = w<<8 | uint32(lower(text[i]))
		at := i - least + 1
		if h := hash(w); at < from || s.first[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, f := range s.forms { // the longest first
			if starts(text[at:], f) {
				return at, at + len(f)
			}
		}
	}
	return len(text), len(text)
}

// starts tells whether text begins with a form, in any case.
func starts(text, form []byte) bool {
	if len(text) < len(form) {
		return false
	}
	for i, ch := range form {
		if lower(text[i]) != ch {
			return false
		}
	}
	return true
}

// Contains tells whether a form is in the text.
func (s *Secrets) Contains(text []byte) bool {
	if s == nil || len(s.forms) == 0 {
		return false
	}
	begin, _ := s.find(text, 0)
	return begin < len(text)
}

// Strike returns the text without secrets; text itself if there are none in it.
func (s *Secrets) Strike(text []byte) []byte { return s.strike(text, false) }

// StrikeCut is Strike for text that ends before its sender had ended: the beginning of a secret at its end goes, too.
func (s *Secrets) StrikeCut(text []byte) []byte { return s.strike(text, true) }

func (s *Secrets) strike(text []byte, cut bool) []byte {
	if s == nil || len(s.forms) == 0 {
		return text
	}
	out, struck := s.replace(text, cut, marker)
	if !struck || !s.Contains(out) {
		return out
	}
	// The mark and what stands beside it look like the secret. Each round makes this shorter, since no form is as short.
	for out = text; struck; {
		out, struck = s.replace(out, cut, shortMarker)
	}
	return out
}

// replace puts the mark in place of each stretch of text that forms cover.
func (s *Secrets) replace(text []byte, cut bool, mark string) (out []byte, struck bool) {
	spans := s.spans(text, cut)
	if len(spans) == 0 {
		return text, false
	}
	done := 0
	for _, sp := range spans {
		out = append(append(out, text[done:sp.begin]...), mark...)
		done = sp.end
	}
	return append(out, text[done:]...), true
}

type span struct{ begin, end int }

// spans are the stretches that forms cover. Forms may overlap, and none may leave a rest of another.
func (s *Secrets) spans(text []byte, cut bool) (all []span) {
	cover := func(begin, end int) {
		if last := len(all) - 1; last >= 0 && begin < all[last].end {
			all[last].end = max(all[last].end, end)
			return
		}
		all = append(all, span{begin, end})
	}
	for at := 0; at < len(text); at++ {
		begin, end := s.find(text, at)
		if begin == len(text) {
			break
		}
		cover(begin, end)
		at = begin
	}
	if cut {
		if at := s.beginning(text); at < len(text) {
			cover(at, len(text))
		}
	}
	return all
}

// beginning is where the end of the text begins like a form, for least octets or more; len(text) if nowhere.
func (s *Secrets) beginning(text []byte) int {
	if len(s.forms) == 0 {
		return len(text)
	}
	for at := max(0, len(text)-len(s.forms[0])); at <= len(text)-least; at++ {
		for _, f := range s.forms {
			if rest := text[at:]; len(rest) < len(f) && starts(rest, f[:len(rest)]) {
				return at
			}
		}
	}
	return len(text)
}

// Show is the function Show for text that may hold secrets; cut tells that it ends before its sender had ended.
func (s *Secrets) Show(text []byte, most int, cut bool) string {
	// Before it is decoded, as it was sent, and behind, for a secret that came in another encoding.
	said := s.strike([]byte(decode(s.strike(text, cut))), cut)
	return Show(said, most)
}
