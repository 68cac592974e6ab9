package smtp

import (
	"fmt"
	"slices"
	"strings"
)

// recipients are those given, or those that the message names in its envelope header, as far as they are in a domain that is
// allowed. Nothing is ever guessed.
func (o *Options) recipients(header []byte) ([]string, error) {
	if o.EnvelopeHeader == "" {
		return o.To, nil
	}
	var found named
	left := o.EnvelopeSkip
	for f := range fields(header) {
		switch {
		case !strings.EqualFold(f.name, o.EnvelopeHeader):
		case left > 0:
			left--
		default:
			o.collect(&found, f.value)
		}
	}
	list := unique(found.good)
	switch {
	case found.fields == 0 && o.EnvelopeSkip > 0:
		return nil, fmt.Errorf("no recipient: header %s does not occur %d times", o.EnvelopeHeader, o.EnvelopeSkip+1)
	case found.fields == 0:
		return nil, fmt.Errorf("no recipient: header %s is missing", o.EnvelopeHeader)
	case len(list) > maxRecipients:
		return nil, fmt.Errorf("no recipient: header %s names too many", o.EnvelopeHeader)
	case len(list) > 0:
		return list, nil
	case found.foreign > 0:
		return nil, fmt.Errorf("no recipient: header %s names a domain that is not allowed", o.EnvelopeHeader)
	case found.bad > 0:
		return nil, fmt.Errorf("no recipient: header %s does not hold an address", o.EnvelopeHeader)
	}
	return nil, fmt.Errorf("no recipient: header %s names none", o.EnvelopeHeader)
}

// named is what the fields of an envelope header name.
type named struct {
	fields  int
	good    []string // in allowed domains, in the order of the fields
	foreign int      // addresses in others
	bad     int      // what is no address
}

// collect adds what one field names.
func (o *Options) collect(n *named, v string) {
	n.fields++
	for _, a := range mailboxes(v) {
		a = o.bare(a)
		switch {
		case !validAddress(a):
			n.bad++
		case !o.allowed(a):
			n.foreign++
		case len(n.good) <= 10*maxRecipients: // far beyond what is taken
			n.good = append(n.good, a)
		}
	}
}

// bare takes EnvelopePrefix off an address, if it has it, in whatever case: mail servers do not keep that.
func (o *Options) bare(a string) string {
	n := len(o.EnvelopePrefix)
	if n > 0 && len(a) > n && strings.EqualFold(a[:n], o.EnvelopePrefix) && a[n] != '@' {
		return a[n:]
	}
	return a
}

// mailboxes are the addresses of a field, right or wrong. One that the parser of the standard library does not understand as a
// whole may still name good ones between its commas.
func mailboxes(v string) []string {
	v = uncomment(v)
	if path, ok := returnPath(v); ok && path != "" {
		return []string{path}
	}
	list, err := parseList(v)
	if err == nil {
		return list
	}
	if len(v) > maxAddressField || !strings.Contains(v, ",") || strings.Contains(v, `"`) {
		return []string{v}
	}
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		if path, ok := returnPath(part); ok && path != "" {
			part = path
		} else if one, err := parseList(part); err == nil && len(one) == 1 {
			part = one[0]
		}
		list = append(list, part)
	}
	return list
}

func (o *Options) allowed(a string) bool {
	domain := a[strings.LastIndexByte(a, '@')+1:]
	return slices.ContainsFunc(o.AllowDomains, func(d string) bool { return strings.EqualFold(d, domain) })
}
