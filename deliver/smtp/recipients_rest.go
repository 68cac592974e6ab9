package smtp

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A Rest is eight characters that stand for the list of recipients, and a bitmap of those who still need the message,
// the first recipient in the lowest bit of the first octet; both in URL-safe base64. It never exceeds 128 octets.

// encodeRest names the recipients that are pending.
func encodeRest(to []string, pending []bool) string {
	bits := make([]byte, (len(to)+7)/8)
	for i, p := range pending {
		if p {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return listHash(to) + base64.RawURLEncoding.EncodeToString(bits)
}

// decodeRest tells who still needs the message. It fails when rest is not about this list: recipients were changed
// between two tries. Then all get the message, some of them again: at least once is what is promised.
func decodeRest(rest string, to []string) (pending []bool, ok bool) {
	bitmap, found := strings.CutPrefix(rest, listHash(to))
	if !found {
		return nil, false
	}
	bits, err := base64.RawURLEncoding.DecodeString(bitmap)
	if err != nil || len(bits) != (len(to)+7)/8 {
		return nil, false
	}
	pending = make([]bool, len(to))
	some := false
	for i := range pending {
		pending[i] = bits[i/8]&(1<<(i%8)) != 0
		some = some || pending[i]
	}
	return pending, some
}

// listHash is short: it must tell two lists of one configuration apart, and no one gains by a collision.
func listHash(to []string) string {
	sum := sha256.Sum256([]byte(strings.Join(to, "\n")))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}
