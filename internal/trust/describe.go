package trust

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

// soon is how long before its end a certificate is worth a word.
const soon = 14 * 24 * time.Hour

// Describe says how a connection is protected: version, and what makes it weak, and why the server was believed. by is the
// command that started TLS; "": it began at once.
func Describe(s tls.ConnectionState, by string) string {
	text := "encrypted (" + tls.VersionName(s.Version)
	if by != "" {
		text += " by " + by
	}
	if weak := Weakness(s); weak != "" {
		text += ", WEAK: " + weak
	}
	if unverified(s) {
		return text + "), key pinned: who issued its certificate, its names and its dates were not looked at"
	}
	return text + "), certificate verified"
}

// Weakness names what others may break in a connection; "": nothing that is known.
func Weakness(s tls.ConnectionState) string {
	var all []string
	if s.Version < tls.VersionTLS12 {
		all = append(all, tls.VersionName(s.Version))
	}
	name := tls.CipherSuiteName(s.CipherSuite)
	for _, t := range []struct{ part, words string }{{"TLS_RSA_", "RSA key exchange"}, {"_3DES_", "3DES"}, {"_CBC_SHA256", "CBC"}} {
		if strings.Contains(name, t.part) {
			all = append(all, t.words)
		}
	}
	return strings.Join(all, ", ")
}

// Remark is something to tell a person who looks at a connection that came about.
type Remark struct {
	Text string
	Next string // what to do about it; "": nothing
}

// Remarks are what is worth a word of a connection that was made with these Options.
func (o Options) Remarks(s tls.ConnectionState, now time.Time) (all []Remark) {
	if o.Legacy && Weakness(s) == "" {
		all = append(all, Remark{"this server does not need tls_legacy: it has " + tls.VersionName(s.Version), "remove tls_legacy, so that nobody can make use of it"})
	}
	if leaf := leafOf(s.PeerCertificates); leaf != nil && !unverified(s) && leaf.NotAfter.Sub(now) < soon {
		all = append(all, Remark{"the server's certificate ends on " + date(leaf.NotAfter) + ", " + inDays(leaf.NotAfter, now), "its owner must renew it before: then there is no login any more"})
	}
	if o.ClientCert == "" {
		return all
	}
	if own, err := o.client(); err == nil && own.Leaf != nil && own.Leaf.NotAfter.Sub(now) < soon {
		all = append(all, Remark{"the certificate of tls_client_cert ends on " + date(own.Leaf.NotAfter) + ", " + inDays(own.Leaf.NotAfter, now), "ask the server's owner for a new one"})
	}
	return all
}

// inDays is how long until a certificate ends.
func inDays(end, now time.Time) string {
	switch n := int(end.Sub(now) / (24 * time.Hour)); {
	case end.Before(now):
		return "so it has ended"
	case n == 0:
		return "in less than a day"
	case n == 1:
		return "in 1 day"
	default:
		return fmt.Sprintf("in %d days", n)
	}
}
