package tokens

import (
	"fmt"
	"strings"
)

// The endings of a token's files.
const (
	tokenSuffix = ".token" // the secrets
	stateSuffix = ".state" // what is known of it
	lockSuffix  = ".lock"  // held while it is refreshed, stored or removed
)

// nameOf is GRANT+ACCOUNT or GRANT+ACCOUNT+DESTINATION: no name has a '+', so no two tokens have the same.
func nameOf(grant, account string) (string, error) {
	parts := append([]string{grant}, strings.Split(account, "/")...)
	for _, p := range parts {
		if len(p) < 1 || len(p) > 64 || p[0] == '.' || !plain(p) {
			return "", fmt.Errorf("%.80q: it must be 1 to 64 of a-z 0-9 . _ - and not begin with a dot", p)
		}
	}
	if len(parts) > 3 {
		return "", fmt.Errorf("%.140q is no ACCOUNT or ACCOUNT/DESTINATION", account)
	}
	return strings.Join(parts, "+"), nil
}

func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._-", c) >= 0) {
			return false
		}
	}
	return true
}
