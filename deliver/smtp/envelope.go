package smtp

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
)

// maxAddressField bounds the fields whose addresses are parsed, in octets: the parser's work may grow faster than they.
const maxAddressField = 16 << 10

// sender is the envelope's sender, "" for <>.
func (o *Options) sender(header []byte) string {
	switch o.From {
	case "null":
		return ""
	case "original":
		return originalSender(header)
	}
	return o.From
}

func originalSender(header []byte) string {
	if v, ok := lookup(header, "Return-Path", 0); ok {
		if a, ok := returnPath(v); ok {
			return a
		}
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

// returnPath parses "<address>", "<>" and, as some write it, an address alone (RFC 5321, section 4.4).
func returnPath(v string) (address string, ok bool) {
	if inner, found := strings.CutPrefix(v, "<"); found {
		if inner, found = strings.CutSuffix(inner, ">"); !found {
			return "", false
		}
		v = strings.TrimSpace(inner)
		if v == "" {
			return "", true
		}
	}
	return v, validAddress(v)
}

// addresses gives the addresses of a field that can be sent. What the parser of the standard library refuses may
// still end in an address between angle brackets, or be one.
func addresses(v string) []string {
	list, err := parseList(v)
	if err == nil {
		return slices.DeleteFunc(list, func(a string) bool { return !validAddress(a) })
	}
	if i, j := strings.LastIndexByte(v, '<'), strings.LastIndexByte(v, '>'); i >= 0 && i < j {
		v = v[i+1 : j]
	}
	if len(v) <= maxAddressField && validAddress(v) {
		return []string{v}
	}
	return nil
}

func parseList(v string) ([]string, error) {
	if len(v) > maxAddressField {
		return nil, fmt.Errorf("longer than %d octets", maxAddressField)
	}
	// The charset of a display name is of no interest, so an unknown one must not spoil the address.
	asIs := func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: asIs}}
	list, err := parser.ParseList(v)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = requote(a.Address)
	}
	return out, nil
}

// requote puts back the quotes that net/mail takes off a local part.
func requote(a string) string {
	i := strings.LastIndexByte(a, '@')
	if i < 0 || validLocal(a[:i]) {
		return a
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a[:i]) + `"` + a[i:]
}

// recipients are those given, or those that the message names in its envelope header. Nothing is ever guessed.
func (o *Options) recipients(header []byte) ([]string, error) {
	if o.EnvelopeHeader == "" {
		return o.To, nil
	}
	v, ok := lookup(header, o.EnvelopeHeader, o.EnvelopeSkip)
	if !ok {
		if o.EnvelopeSkip > 0 {
			return nil, fmt.Errorf("no recipient: header %s does not occur %d times", o.EnvelopeHeader, o.EnvelopeSkip+1)
		}
		return nil, fmt.Errorf("no recipient: header %s is missing", o.EnvelopeHeader)
	}
	list := []string{v}
	if path, found := returnPath(v); found && path != "" {
		list[0] = path
	} else if parsed, err := parseList(v); err == nil {
		list = parsed
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no recipient: header %s names none", o.EnvelopeHeader)
	}
	for _, a := range list {
		switch {
		case !validAddress(a):
			return nil, fmt.Errorf("no recipient: header %s does not hold an address", o.EnvelopeHeader)
		case !o.allowed(a):
			return nil, fmt.Errorf("no recipient: header %s names a domain that is not allowed", o.EnvelopeHeader)
		}
	}
	if list = unique(list); len(list) > maxRecipients {
		return nil, errors.New("no recipient: header " + o.EnvelopeHeader + " names too many")
	}
	return list, nil
}

func (o *Options) allowed(a string) bool {
	domain := a[strings.LastIndexByte(a, '@')+1:]
	return slices.ContainsFunc(o.AllowDomains, func(d string) bool { return strings.EqualFold(d, domain) })
}
