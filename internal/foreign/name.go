package foreign

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Name gives what stands for an identifier that a peer made, a unique-id say, and that holds a secret: it must stay what it is for
// as long as the peer gives it, and can be neither stored nor shown. It is prefix and a SHA-256 of the identifier with the secret
// struck out, so that nobody can try out secrets on it. ok is false where the identifier can be used as it is.
//
// An identifier may hold a short secret, or one of digits alone, by chance: a date, a number. To take that for an echo would give
// messages other names each time that the password changes, and there is nothing to be hidden: see telling.
func (s *Secrets) Name(prefix string, id []byte) (name string, ok bool) {
	if s == nil || !s.inName || !s.Contains(id) {
		return "", false
	}
	sum := sha256.Sum256(append([]byte("without a secret: "), s.Strike(id)...))
	return prefix + hex.EncodeToString(sum[:]), true
}

// telling tells whether a secret is hardly in an identifier by chance: it has twelve octets, or eight that are not all digits, or
// six that are not all hexadecimal digits.
func telling(secret string) bool {
	has := func(beyond string) bool { return strings.Trim(strings.ToLower(secret), beyond) != "" }
	return len(secret) >= 12 || len(secret) >= 8 && has("0123456789") || len(secret) >= 6 && has("0123456789abcdef")
}
