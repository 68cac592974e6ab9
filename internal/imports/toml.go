package imports

import (
	"fmt"
	"io"
	"strings"
)

// Secrets says where the password of an account (destination < 0) or of one of its destinations will be found: the line of
// configuration that names it, "" for a comment that says how to give it.
type Secrets func(a *Account, destination int) string

// Write writes an account as TOML. Its remarks are not written.
func (a *Account) Write(w io.Writer, secrets Secrets) error {
	var b strings.Builder
	fmt.Fprintf(&b, "[account.%s]\n", key(a.Name))
	for _, e := range a.Settings {
		lines(&b, Settings{e})
		if e.Key == "delete" {
			for _, r := range a.Restore {
				b.WriteString("# " + r + "\n")
			}
		}
	}
	secret(&b, a, -1, a.Secret, a.Settings, secrets)
	for i, d := range a.Deliver {
		fmt.Fprintf(&b, "\n[[account.%s.deliver]]\n", key(a.Name))
		lines(&b, d.Settings)
		if d.Settings.Get("username") != nil {
			secret(&b, a, i, d.Secret, d.Settings, secrets)
		}
	}
	if len(a.Deliver) == 0 {
		fmt.Fprintf(&b, "\n# Where the mail goes:\n# [[account.%s.deliver]]\n# type = \"maildir\"\n# path = \"~/Mail/%s\"\n", key(a.Name), a.Name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func secret(b *strings.Builder, a *Account, destination int, clear string, s Settings, secrets Secrets) {
	if s.Get("password_command") != nil {
		return
	}
	if line := secrets(a, destination); line != "" {
		b.WriteString(line + "\n")
		return
	}
	if clear != "" {
		b.WriteString("# The password is in the old file. It is copied with --write, or write it to a file of mode 0600 yourself:\n")
	} else {
		b.WriteString("# The old file does not hold the password. Without one of the keys for it, popsync asks on the terminal:\n")
	}
	b.WriteString("# password_file = \"~/.config/popsync/" + a.Name + ".password\"\n")
}

func lines(b *strings.Builder, s Settings) {
	for _, e := range s {
		b.WriteString(e.Key + " = " + value(e.Value) + "\n")
	}
}

// key is a name in the head of a table: bare if TOML allows it.
func key(name string) string {
	if strings.Contains(name, ".") {
		return text(name)
	}
	return name
}

func value(v any) string {
	switch v := v.(type) {
	case string:
		return text(v)
	case []string:
		var parts []string
		for _, s := range v {
			parts = append(parts, text(s))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// text is a basic string of TOML 1.0. Octets that are no UTF-8 cannot be written in one; they become U+FFFD.
func text(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\u` + fmt.Sprintf("%04X", r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
