package config

import (
	"fmt"
	"io"
	"log/slog"
)

// masked is what any printing of a Secret shows.
const masked = "[redacted]"

// Secret holds a secret that stood in the file. Every way to print or encode it gives the same constant text. The
// pointer matters: fmt can't call methods on an unexported field of somebody else's struct and then prints what it
// finds there, which is an address.
type Secret struct{ p *string }

func newSecret(s string) Secret { return Secret{&s} }

// Reveal returns the secret itself; "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// String returns a constant.
func (Secret) String() string { return masked }

// GoString returns a constant.
func (Secret) GoString() string { return masked }

// Format writes a constant for whatever verb, %d and %x included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// MarshalText returns a constant.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// MarshalJSON returns a constant.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// LogValue returns a constant.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// SecretKind is where a secret is found.
type SecretKind string

// The places where a secret may be found.
const (
	SecretLiteral    SecretKind = "password"         // in the configuration file
	SecretFile       SecretKind = "password_file"    // in a file of its own
	SecretCommand    SecretKind = "password_command" // in the output of a program
	SecretCredential SecretKind = "credential"       // in a file that systemd provides
	SecretOAuth      SecretKind = "oauth"            // in place of a password, access tokens of a grant
	SecretPrompt     SecretKind = "prompt"           // with the person at the terminal
)

// SecretSource says where a secret is found at login. Only the field that its Kind names is set.
type SecretSource struct {
	Kind    SecretKind
	Literal Secret   // SecretLiteral
	Origin  string   // SecretLiteral: the file that it stands in, and the edition of that: another one since it was written again; "" from Parse
	File    string   // SecretFile, SecretCredential: absolute path
	OAuth   string   // SecretOAuth: the name of the grant, which is in Config.OAuth
	Command []string // SecretCommand: program (absolute, or a name looked up in PATH) and arguments; no shell
}
