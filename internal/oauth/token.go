package oauth

import (
	"encoding/json"
	"errors"
	"time"
)

// Secret is a text that no way of printing or encoding shows.
type Secret struct{ text *string }

// NewSecret hides a text.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal gives the text; "" of the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is the same for every Secret.
func (Secret) String() string { return "[secret]" }

// GoString is String.
func (Secret) GoString() string { return "[secret]" }

// Token is what a provider gave. Times are those of this machine's clock.
type Token struct {
	Access  Secret
	Refresh Secret    // "": there is none, and the token cannot be renewed without a person unless the flow needs none
	Got     time.Time // when the answer came
	Expires time.Time // of the access token; zero: the provider did not say

	RefreshExpires time.Time // of the refresh token; zero: the provider did not say

	Scopes  []string // that were granted
	Subject string   // who it stands for: "sub" of the id token; "": not told
	Email   string   // the same as an address; "": not told
	Name    string   // the same as a login name ("preferred_username"); "": not told
}

// maxToken bounds what is read back, in octets. Microsoft's access tokens have up to 8 KB.
const maxToken = 256 << 10

// stored is a Token as it is stored and handed over.
type stored struct {
	Version        int       `json:"version"`
	Access         string    `json:"access_token"`
	Refresh        string    `json:"refresh_token,omitempty"`
	Got            time.Time `json:"got"`
	Expires        time.Time `json:"expires,omitzero"`
	RefreshExpires time.Time `json:"refresh_expires,omitzero"`
	Scopes         []string  `json:"scopes,omitempty"`
	Subject        string    `json:"subject,omitempty"`
	Email          string    `json:"email,omitempty"`
	Name           string    `json:"name,omitempty"`
}

const version = 1

// Encode writes a Token with its secrets, for a store or for the daemon's socket, and for nothing else.
func (t Token) Encode() []byte {
	b, err := json.Marshal(stored{
		version, t.Access.Reveal(), t.Refresh.Reveal(), t.Got.UTC(), t.Expires.UTC(), t.RefreshExpires.UTC(), t.Scopes, t.Subject, t.Email, t.Name,
	})
	if err != nil {
		panic("oauth: a token can't be written") // only times beyond the year 9999, which no answer makes
	}
	return b
}

// The errors of Decode. They show nothing of what was read.
var (
	errNoToken    = errors.New("not a token of popsync's")
	errNewerToken = errors.New("written by a newer popsync")
)

// Decode reads what Encode wrote.
func Decode(b []byte) (Token, error) {
	var s stored
	if len(b) > maxToken || json.Unmarshal(b, &s) != nil || s.Version < 1 || s.Access == "" && s.Refresh == "" || !sendable(s.Access) || !sendable(s.Refresh) {
		return Token{}, errNoToken
	}
	if s.Version > version {
		return Token{}, errNewerToken
	}
	for _, at := range []time.Time{s.Got, s.Expires, s.RefreshExpires} {
		if at.Year() > 9999 || at.Year() < 0 {
			return Token{}, errNoToken
		}
	}
	return Token{
		NewSecret(s.Access), NewSecret(s.Refresh), s.Got, s.Expires, s.RefreshExpires, s.Scopes, s.Subject, s.Email, s.Name,
	}, nil
}

// sendable tells that a token has only octets that RFC 6749, appendix A, allows: visible ASCII and blanks.
func sendable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxToken
}
