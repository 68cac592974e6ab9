package smtp

import (
	"fmt"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
)

// maxAddressField bounds the fields whose addresses are parsed, in octets: the parser's work may grow faster than they.
const maxAddressField = 16 << 10

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
