package oauth

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// identity is who an id token stands for.
type identity struct {
	Subject string   `json:"sub"`
	Email   string   `json:"email"`
	Name    string   `json:"preferred_username"`
	For     audience `json:"aud"`
}

// audience is one client or several.
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// maxIdentity bounds each part of it, in octets.
const maxIdentity = 320

// identify reads an id token. Its signature is not verified: it came straight from the token endpoint, over TLS, which OpenID Connect
// Core 1.0, section 3.1.3.7, allows instead. What can't be read, or is for another client, tells nothing.
func identify(idToken, client string) (id identity) {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return identity{}
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil || json.Unmarshal(text, &id) != nil || !slices.Contains(id.For, client) {
		return identity{}
	}
	for _, s := range []*string{&id.Subject, &id.Email, &id.Name} {
		if len(*s) > maxIdentity || strings.ContainsFunc(*s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			*s = ""
		}
	}
	return id
}
