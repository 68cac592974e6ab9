package imap

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
)

const inbox = "INBOX"

// findName learns how the folder is called on this server: the names of folders are joined by its delimiter, below the prefix that
// its namespace has (RFC 2342).
func (c *session) findName() error {
	if strings.EqualFold(c.o.Folder, inbox) {
		c.mailbox = inbox
		return nil
	}
	prefix, delimiter, found := "", "", false
	var err error
	if c.caps["NAMESPACE"] || c.caps["IMAP4REV2"] {
		_, err = c.command("NAMESPACE", func(a *response) error {
			if a.name == "NAMESPACE" && len(a.values) > 0 && len(a.values[0].list) > 0 {
				if first := a.values[0].list[0].list; len(first) >= 2 {
					prefix, delimiter, found = string(first[0].text), delimiterOf(&first[1]), true
				}
			}
			return nil
		}, "NAMESPACE")
	}
	if err == nil && !found {
		_, err = c.command("LIST", func(a *response) error {
			if a.name == "LIST" && len(a.values) >= 3 {
				delimiter, found = delimiterOf(&a.values[1]), true
			}
			return nil
		}, `LIST "" ""`)
	}
	var refused *replyError
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	name, err := spelled(c.o.Folder, prefix, delimiter)
	if err != nil {
		return err
	}
	c.mailbox = quote(name)
	return nil
}

// delimiterOf is what stands between the names of folders in folders; NIL: nothing does.
func delimiterOf(v *value) string {
	if !v.quoted || len(v.text) != 1 {
		return ""
	}
	return string(v.text)
}

// spelled gives a folder's name as a server spells it. prefix is the server's own spelling, in UTF-7 already.
func spelled(folder, prefix, delimiter string) (string, error) {
	name := encodeUTF7(folder)
	if delimiter != "" {
		begins := func(with string) bool { return len(name) >= len(with) && strings.EqualFold(name[:len(with)], with) }
		if begins(inbox+delimiter) || prefix != "" && begins(prefix) {
			if delimiter == "/" || !strings.Contains(name, "/") {
				if strings.EqualFold(name[:min(len(name), len(inbox))], inbox) {
					name = inbox + name[len(inbox):]
				}
				return name, nil // as the server spells it
			}
		}
	}
	parts := strings.Split(folder, "/")
	for i, part := range parts {
		if delimiter != "" && delimiter != "/" && strings.Contains(part, delimiter) {
			return "", &folderError{"the name " + quote(part) + " holds \"" + delimiter + "\", which on this server stands between the names of folders",
				`write "/" between the names of folders in folders, and choose names without "` + delimiter + `"`}
		}
		parts[i] = encodeUTF7(part)
	}
	if delimiter == "" && len(parts) > 1 {
		return "", &folderError{"this server has no folders in folders", `choose a name without "/"`}
	}
	if strings.EqualFold(parts[0], inbox) {
		parts[0] = inbox
		if strings.EqualFold(prefix, inbox+delimiter) {
			prefix = ""
		}
	}
	return prefix + strings.Join(parts, delimiter), nil
}

// utf7 is the base64 of mailbox names (RFC 3501, section 5.1.3).
var utf7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// encodeUTF7 writes a name in modified UTF-7: printable ASCII as it is, "&" as "&-", and all else as "&", UTF-16 in base64, "-".
func encodeUTF7(s string) string {
	var b strings.Builder
	var pending []byte
	flush := func() {
		if len(pending) > 0 {
			b.WriteByte('&')
			b.WriteString(utf7.EncodeToString(pending))
			b.WriteByte('-')
			pending = pending[:0]
		}
	}
	for _, r := range s {
		switch {
		case r == '&':
			flush()
			b.WriteString("&-")
		case r >= ' ' && r <= '~':
			flush()
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				pending = append(pending, byte(unit>>8), byte(unit))
			}
		}
	}
	flush()
	return b.String()
}
