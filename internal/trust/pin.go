package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
)

// Pin writes the public key of a certificate as curl does: sha256//, and the SHA-256 of its SubjectPublicKeyInfo in base64. It
// stays the same when a certificate is renewed with the same key.
func Pin(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return "sha256//" + base64.StdEncoding.EncodeToString(sum[:])
}

// pinError means that the server's key is none of those that are pinned.
type pinError struct {
	chain  []*x509.Certificate // what the server sent; its own is the first
	issuer *x509.Certificate   // in the chain, whose key is pinned; nil: none
}

func (e *pinError) Error() string { return "the server's key is not the one that is pinned" }

// checkPins wants the key of the server's own certificate to be pinned. Those of its issuers do not count, as with curl: anybody
// can send along a certificate that is not his, and without looking at signatures nothing binds the two.
func checkPins(pins []string, chain []*x509.Certificate) error {
	e := &pinError{chain: chain}
	for i, c := range chain {
		switch {
		case !slices.Contains(pins, Pin(c)):
		case i == 0:
			return nil
		case e.issuer == nil:
			e.issuer = c
		}
	}
	return e
}
