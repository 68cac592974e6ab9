package smtp

import (
	"slices"
	"strconv"
	"strings"
)

// Where is the opaque identity of the destination: the server's address and who gets the mail there, in one order and one
// spelling. How it is reached and what the envelope's sender is (TLS, Username, From) are no part of it. It holds no
// secret, and may be taken of Options that were not checked.
func (o Options) Where() string {
	kind := "smtp"
	if o.LMTP {
		kind = "lmtp"
	}
	address := o.Address
	if !strings.HasPrefix(address, "unix:") {
		address = strings.ToLower(address)
	}
	fields := []string{kind, address, "to"}
	var who []string
	if o.EnvelopeHeader != "" {
		fields = []string{kind, address, "header", strings.ToLower(o.EnvelopeHeader), strconv.Itoa(o.EnvelopeSkip)}
		if o.EnvelopePrefix != "" {
			fields = append(fields, "prefix", strings.ToLower(o.EnvelopePrefix))
		}
		for _, domain := range o.AllowDomains {
			who = append(who, strings.ToLower(domain))
		}
	} else {
		for _, to := range o.To {
			if i := strings.LastIndexByte(to, '@'); i >= 0 {
				to = to[:i] + strings.ToLower(to[i:])
			}
			who = append(who, to)
		}
	}
	slices.Sort(who)
	fields = append(fields, slices.Compact(who)...)
	for i, f := range fields {
		fields[i] = spaces.Replace(f)
	}
	return strings.Join(fields, " ")
}

// spaces keeps a space in a field from ending it.
var spaces = strings.NewReplacer("%", "%25", " ", "%20")
