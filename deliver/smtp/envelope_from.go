package smtp

import (
	"slices"
	"strings"
)

// The envelope's sender is where bounces go, and no part of the message. One that cannot be sent must never keep a message
// from its recipients: then it is sent with <>, as RFC 5321, section 4.5.5, has it for mail that nothing is to be said back to.

// sender is the envelope's sender, "" for <>. own tells that the message named it, and not a person in the configuration.
func (o *Options) sender(header []byte) (from string, own bool) {
	switch o.From {
	case "null":
		return "", false
	case "original":
		return originalSender(header), true
	}
	return o.From, false
}

// originalSender is the sender that a message came with. The topmost Return-Path decides, right or wrong: it is of the last
// delivery, and a bounce must not get another sender. Where there is none, Sender and From are the best guess.
func originalSender(header []byte) string {
	if v, ok := lookup(header, "Return-Path", 0); ok {
		a, _ := returnPath(v)
		return a
	}
	for _, name := range []string{"Sender", "From"} {
		if v, ok := lookup(header, name, 0); ok {
			if list := addresses(v); len(list) > 0 {
				return list[0]
			}
		}
	}
	return ""
}

// returnPath parses "<address>", "<>" and, as some write it, an address alone (RFC 5321, section 4.4), with comments around it
// and white space where the obsolete syntax has it (RFC 5322, section 4.4). A source route is left out: it says how the
// message came, and is to be ignored (RFC 5321, appendix C). ok is false for all else; then the address is "".
func returnPath(v string) (address string, ok bool) {
	v = strings.TrimSpace(uncomment(v))
	if inner, found := strings.CutPrefix(v, "<"); found {
		if inner, found = strings.CutSuffix(inner, ">"); !found {
			return "", false
		}
		if v = strings.TrimSpace(inner); v == "" {
			return "", true
		}
		if v[0] == '@' { // @a,@b:user@x
			_, v, _ = strings.Cut(v, ":")
		}
	}
	if v = tight(v); !validAddress(v) {
		return "", false
	}
	return v, true
}

// uncomment takes comments away (RFC 5322, section 3.2.2), which nest. One that does not end stays.
func uncomment(v string) string {
	if !strings.Contains(v, "(") {
		return v
	}
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(v); i++ {
		ch := v[i]
		pair := ch == '\\' && (quoted || depth > 0) && i+1 < len(v)
		switch {
		case pair:
		case ch == '"' && depth == 0:
			quoted = !quoted
		case ch == '(' && !quoted:
			depth++
			continue
		case ch == ')' && depth > 0:
			if depth--; depth == 0 {
				b.WriteByte(' ') // what stands around a comment is not joined
			}
			continue
		}
		if depth == 0 {
			b.WriteByte(ch)
			if pair {
				b.WriteByte(v[i+1])
			}
		}
		if pair {
			i++
		}
	}
	if depth > 0 {
		return v
	}
	return b.String()
}

// tight takes away white space beside the dots and the at sign of an address. Elsewhere it is no part of any.
func tight(a string) string {
	if !strings.ContainsAny(a, " \t") || strings.Contains(a, `"`) {
		return a
	}
	var b strings.Builder
	for i := 0; i < len(a); i++ {
		if a[i] == ' ' || a[i] == '\t' {
			rest := strings.TrimLeft(a[i:], " \t")
			before := strings.TrimRight(a[:i], " \t")
			if strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "@") || strings.HasSuffix(before, ".") || strings.HasSuffix(before, "@") {
				continue
			}
		}
		b.WriteByte(a[i])
	}
	return b.String()
}

// from is the sender that this server can be told. What the message named is <> where it takes SMTPUTF8 and the server has
// none; what a person configured is never replaced.
func (c *session) from(t *task) string {
	if t.own && !ascii(t.from) && !c.offers("SMTPUTF8") {
		return ""
	}
	return t.from
}

// needsUTF8 tells whether an address that a person configured takes SMTPUTF8.
func (o *Options) needsUTF8() bool {
	return !ascii(o.From) || slices.ContainsFunc(o.To, func(a string) bool { return !ascii(a) })
}

// blamesSender tells whether a refusal is about the sender's address itself, for good (RFC 3463, section 3.2: X.1.7 and X.1.8; RFC
// 5321, section 4.2.3: 553), as opposed to who may use it (X.7.1), which is a matter of the login and of from. Servers refuse it
// at MAIL, or at RCPT in its place.
func (e *replyError) blamesSender() bool {
	if e.reply.code/100 != 5 {
		return false
	}
	switch e.reply.detail() {
	case "1.7", "1.8":
		return true
	case "", "0.0", "1.0":
		return e.reply.code == 553 && e.verb == "MAIL" || e.reply.code == 550 && strings.Contains(strings.ToLower(e.text), "sender")
	}
	return false
}

// without tells whether a message is to be tried once more with <>, and makes it so: nobody gets it for its sender. There is one
// such try for each Send; a server that refuses <> as well has had its say.
func (t *task) without(r *result) bool {
	if !t.own || t.from == "" || r.err != nil || r.started {
		return false
	}
	refusals := []*replyError{r.mail}
	if r.mail == nil {
		refusals = r.refusals()
	}
	if len(refusals) == 0 || r.mail == nil && len(refusals) < len(t.to) ||
		slices.ContainsFunc(refusals, func(e *replyError) bool { return e == nil || !e.blamesSender() }) {
		return false
	}
	t.refused, t.from = refusals[0], ""
	return true
}
