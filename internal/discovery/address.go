package discovery

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/popsync/popsync/internal/foreign"
)

// Address is a mail address (RFC 5321, section 4.1.2; RFC 6531), without quotes around its local part.
type Address struct {
	Local  string
	Domain string // lower case, ASCII: a domain in another script in its A-labels (RFC 5890)
}

// String is the address as it is sent.
func (a Address) String() string { return a.Local + "@" + a.Domain }

// ParseAddress reads an address as a person types it.
func ParseAddress(text string) (Address, error) {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return Address{}, errors.New("it has no @")
	}
	local, domain := text[:at], strings.TrimSuffix(text[at+1:], ".")
	switch {
	case local == "":
		return Address{}, errors.New("nothing is before the @")
	case domain == "":
		return Address{}, errors.New("no domain is behind the @")
	case foreign.Tidy(text, 320) != text:
		return Address{}, errors.New("it is no mail address")
	case strings.ContainsFunc(local, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`"<>()[]\,;:`, r)
	}):
		return Address{}, errors.New("there is something before the @ that no address of a mailbox has")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !hostname(ascii) {
		return Address{}, fmt.Errorf("%q is no domain of mail", domain)
	}
	return Address{Local: local, Domain: ascii}, nil
}

// hostname tells whether a text is a name that a server on the Internet can have: lower case, at least two labels, the last one no
// number (RFC 1123, section 2.1).
func hostname(s string) bool {
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.ContainsFunc(l, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }) {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// Host is the name of a host in the form that Found has, whoever wrote it and in which script; "": it is none that the Internet has.
func Host(host string) string {
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(host), "."))
	if err != nil || !hostname(ascii) {
		return ""
	}
	return ascii
}

// Owner is the part of a host's name that somebody registered, such as example.co.uk; where there is none, the host itself.
func Owner(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if own, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return own
	}
	return host
}

// fill puts an address in place of the placeholders of autoconfig.
func (a Address) fill(text string) string {
	return strings.NewReplacer("%EMAILADDRESS%", a.String(), "%EMAILLOCALPART%", a.Local, "%EMAILDOMAIN%", a.Domain).Replace(text)
}

// usernames are those to try, if a source has this form; "": it names none.
func (a Address) usernames(form string) []string {
	var all []string
	for _, name := range []string{a.fill(form), a.String(), a.Local} {
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all[:2]
}
