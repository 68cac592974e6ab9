package transcript

import "strings"

// Protocol says how a login looks.
type Protocol int

const (
	POP3 Protocol = iota // RFC 1939, RFC 5034
	SMTP                 // RFC 5321, RFC 4954; LMTP is the same
	IMAP                 // RFC 9051
	HTTP                 // RFC 9112: each request has its login in it
)

// secret stands for whatever is secret, however long it is.
const secret = "<secret>"

// withheld stands for what a server says of a login while the secret is not known: it may be in there.
const withheld = "<withheld>"

// stage is how far a login is.
type stage int

const (
	outside  stage = iota
	exchange       // AUTH was sent: lines of SASL follow, from both sides
	verdict        // PASS or APOP was sent: the server's next reply tells what became of it
	telling        // within such a reply of several lines
)

// sent is a line of ours with what is secret replaced; it moves the stage on.
func (c *Conn) sent(line string) string {
	if c.stage == exchange {
		return secret
	}
	if c.party.p == HTTP {
		return c.show(maskHTTP(line), false)
	}
	if c.party.p == IMAP {
		return c.sentIMAP(line)
	}
	verb, rest, _ := strings.Cut(line, " ")
	switch verb := strings.ToUpper(verb); {
	case verb == "AUTH":
		mechanism, initial, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		if mechanism == "" { // asks for a list
			return line
		}
		c.stage = exchange
		if line = verb + " " + c.show(mechanism, false); initial != "" {
			line += " " + secret
		}
		return line
	case c.party.p == POP3 && (verb == "PASS" || verb == "APOP"):
		c.stage = verdict
		return verb + " " + secret
	}
	return c.show(line, false)
}

// received is a line of the server's with what is secret replaced; it moves the stage on.
func (c *Conn) received(line string, cut bool) string {
	inside := c.inside
	c.inside = false
	switch {
	case c.party.p == HTTP:
		return c.show(maskHTTP(line), cut)
	case c.stage == outside:
		return c.show(line, cut)
	case c.party.p == IMAP:
		return c.receivedIMAP(line, cut, inside)
	}
	head, more, last := c.party.p.reply(line)
	if !last {
		return strings.TrimSpace(head + " " + secret)
	}
	c.stage = outside
	if more {
		c.stage = telling
	}
	if c.secrets == nil && len(head) < len(line) {
		return c.show(head, false) + " " + withheld
	}
	return c.show(line, cut)
}

// reply looks at a line of a login: head is what stands at its beginning and is never secret, the status and a code; more tells that
// the reply goes on, last that the login is over with it. What is no reply at all has neither.
func (p Protocol) reply(line string) (head string, more, last bool) {
	if p == POP3 {
		for _, status := range []string{"+OK", "-ERR"} {
			if rest, ok := strings.CutPrefix(line, status); ok && (rest == "" || rest[0] == ' ') {
				if code, _, ok := strings.Cut(rest, "]"); ok && strings.HasPrefix(code, " [") && knownCode(code[2:]) {
					status += code + "]"
				}
				return status, false, true
			}
		}
		if line == "+" || strings.HasPrefix(line, "+ ") {
			return "+", false, false
		}
		return "", false, false
	}
	if len(line) < 3 || line[:3] < "200" || line[:3] > "599" || strings.Trim(line[:3], "0123456789") != "" || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return "", false, false
	}
	head = line[:3]
	return head, strings.HasPrefix(line[3:], "-"), head != "334"
}

// knownCode tells of the response codes that POP3 has for a login (RFC 2449, section 8; RFC 3206); anything else in brackets may be
// what the server was sent.
func knownCode(code string) bool {
	switch strings.ToUpper(code) {
	case "AUTH", "IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM":
		return true
	}
	return false
}
