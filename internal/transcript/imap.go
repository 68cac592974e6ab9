package transcript

import "strings"

// sentIMAP is sent for IMAP. What stands behind LOGIN may come as literals, and so in lines of its own: all is secret until the
// server ends the command.
func (c *Conn) sentIMAP(line string) string {
	tag, rest, _ := strings.Cut(line, " ")
	verb, args, _ := strings.Cut(rest, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "LOGIN":
		c.stage, c.tag = exchange, tag
		return c.show(tag, false) + " LOGIN " + secret
	case "AUTHENTICATE":
		c.stage, c.tag = exchange, tag
		mechanism, initial, _ := strings.Cut(args, " ")
		if line = tag + " AUTHENTICATE " + mechanism; initial != "" {
			return c.show(line, false) + " " + secret
		}
		return c.show(line, false)
	}
	return c.show(line, false)
}

// receivedIMAP is received for IMAP, within a login. Only a status and a list of capabilities are shown: what else a server says then
// may be a challenge.
func (c *Conn) receivedIMAP(line string, cut, inside bool) string {
	tag, rest, _ := strings.Cut(line, " ")
	switch {
	case inside: // it goes on behind a literal, and only looks like a line
		return secret
	case tag == "+":
		return "+ " + secret
	case tag != "*" && (tag != c.tag || tag == ""):
		return secret
	}
	word, text, _ := strings.Cut(rest, " ")
	head := tag + " " + word
	switch word = strings.ToUpper(word); word {
	case "OK", "NO", "BAD":
		if tag == c.tag {
			c.stage = outside
		}
	case "BYE", "CAPABILITY":
		if tag != "*" {
			return tag + " " + secret
		}
	default:
		return tag + " " + secret
	}
	if c.secrets != nil || head == line {
		return c.show(line, cut)
	}
	if code, _, ok := strings.Cut(text, "]"); ok && knownCodeIMAP(code) {
		head += " " + code + "]"
	}
	return head + " " + withheld
}

// knownCodeIMAP tells of the response codes that IMAP has for a login (RFC 5530), with the bracket before it.
func knownCodeIMAP(code string) bool {
	switch strings.ToUpper(code) {
	case "[AUTHENTICATIONFAILED", "[AUTHORIZATIONFAILED", "[EXPIRED", "[PRIVACYREQUIRED", "[CONTACTADMIN", "[UNAVAILABLE", "[LIMIT", "[INUSE",
		"[SERVERBUG", "[CLIENTBUG", "[ALERT":
		return true
	}
	return false
}
