package imaptest

import (
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
)

func (c *conn1) ok(text string) { c.say("%s OK %s", c.tag, text) }

func (c *conn1) command(verb, args string) {
	o := c.options()
	if !c.user && verb != "LOGIN" && verb != "AUTHENTICATE" && verb != "CAPABILITY" && verb != "LOGOUT" {
		c.say("%s NO log in first", c.tag)
		return
	}
	switch verb {
	case "CAPABILITY":
		caps := cmp.Or(o.Login, "IMAP4rev1 AUTH=PLAIN")
		if o.Token != nil {
			caps = "IMAP4rev1 SASL-IR LOGINDISABLED AUTH=XOAUTH2"
		}
		if c.user {
			caps = o.Caps
		}
		c.say("* CAPABILITY %s", caps)
		c.ok("done")
	case "AUTHENTICATE", "LOGIN":
		if o.Token != nil {
			c.token(args, o)
			return
		}
		if verb == "AUTHENTICATE" {
			c.say("+ ")
			if _, err := c.in.ReadString('\n'); err != nil {
				c.closed = true
				return
			}
		}
		c.user = true
		c.ok("in")
	case "LOGOUT":
		c.say("* BYE bye")
		c.ok("out")
		c.closed = true
	case "NOOP":
		c.ok("done")
	case "ID":
		c.say(`* ID ("name" "imaptest")`)
		c.ok("done")
	case "NAMESPACE":
		c.say(`* NAMESPACE ((%q %s)) NIL NIL`, o.Prefix, delimiter(o.Delimiter))
		c.ok("done")
	case "LIST":
		c.say(`* LIST (\Noselect) %s ""`, delimiter(o.Delimiter))
		c.ok("done")
	case "STATUS", "EXAMINE", "SELECT", "CREATE", "SUBSCRIBE":
		c.onFolder(verb, args, o)
	case "CLOSE", "UNSELECT":
		c.open = nil
		c.ok("done")
	case "UID":
		c.fetch(args, o)
	case "APPEND":
		c.append(args, o)
	default:
		c.say("%s BAD what", c.tag)
	}
}

// token is a login by XOAUTH2.
func (c *conn1) token(args string, o Options) {
	method, response, _ := strings.Cut(args, " ")
	if method != "XOAUTH2" {
		c.say("%s NO [CANNOT] only XOAUTH2", c.tag)
		return
	}
	line := func(ask string) string {
		c.say("%s", ask)
		text, err := c.in.ReadString('\n')
		c.closed = c.closed || err != nil
		return strings.TrimSpace(text)
	}
	if response == "" {
		response = line("+ ")
	}
	raw, _ := base64.StdEncoding.DecodeString(response)
	_, token, _ := strings.Cut(strings.TrimRight(string(raw), "\x01"), "auth=Bearer ")
	if c.user = o.Token(token); c.user {
		c.ok("in")
		return
	}
	line("+ eyJzdGF0dXMiOiI0MDEifQ==")
	c.say("%s NO [AUTHENTICATIONFAILED] no", c.tag)
}

func delimiter(d string) string {
	if d == "NIL" {
		return d
	}
	return `"` + d + `"`
}

// unquote takes the first argument off.
func unquote(args string) (first, rest string) {
	if !strings.HasPrefix(args, `"`) {
		first, rest, _ = strings.Cut(args, " ")
		return first, rest
	}
	first, rest, _ = strings.Cut(args[1:], `"`)
	return first, strings.TrimLeft(rest, " ")
}

func (c *conn1) onFolder(verb, args string, o Options) {
	name, _ := unquote(args)
	c.s.mu.Lock()
	f := c.s.folders[name]
	var text []string
	switch {
	case verb == "CREATE" && f != nil:
		text = []string{c.tag + " NO [ALREADYEXISTS] it is there"}
	case verb == "CREATE":
		c.s.folders[name] = &folder{validity: 9, next: 1}
		text = []string{c.tag + " OK made"}
	case f == nil:
		text = []string{c.tag + " NO [NONEXISTENT] no such mailbox"}
	case verb == "SUBSCRIBE":
		f.subscribed = true
		text = []string{c.tag + " OK done"}
	case verb == "STATUS":
		next := fmt.Sprintf("UIDNEXT %d ", f.next)
		if o.NoUIDNext {
			next = ""
		}
		text = []string{fmt.Sprintf("* STATUS %q (%sUIDVALIDITY %d)", name, next, f.validity), c.tag + " OK done"}
	default:
		c.open = f
		text = []string{fmt.Sprintf("* %d EXISTS", len(f.messages)), fmt.Sprintf("* OK [UIDVALIDITY %d] is it", f.validity), c.tag + " OK [READ-ONLY] open"}
	}
	c.s.mu.Unlock()
	for _, line := range text {
		c.say("%s", line)
	}
}

// fetch answers UID FETCH.
func (c *conn1) fetch(args string, o Options) {
	verb, rest, _ := strings.Cut(args, " ")
	set, items, _ := strings.Cut(rest, " ")
	if strings.ToUpper(verb) != "FETCH" || c.open == nil {
		c.say("%s BAD no folder is open", c.tag)
		return
	}
	c.s.mu.Lock()
	var all []Message
	for i, m := range c.open.messages {
		// n:* names the last one in any case (RFC 3501, section 6.4.8).
		if inSet(set, m.UID) || i == len(c.open.messages)-1 && strings.HasSuffix(set, ":*") {
			all = append(all, m)
		}
	}
	c.s.mu.Unlock()
	for i, m := range all {
		answer := fmt.Sprintf("* %d FETCH (UID %d", i+1, m.UID)
		header, text := cut(m.Text)
		for _, item := range []struct{ asked, name, value string }{{"BODY.PEEK[HEADER]", "BODY[HEADER]", header}, {"BODY.PEEK[TEXT]", "BODY[TEXT]", text}} {
			if !strings.Contains(items, item.asked) {
				continue
			}
			if o.Show != nil {
				item.value = o.Show(item.name, m, item.value)
			}
			answer += fmt.Sprintf(" %s {%d}\r\n%s", item.name, len(item.value), item.value)
		}
		if strings.Contains(items, "DIGEST.SHA1") {
			answer += fmt.Sprintf(" DIGEST.SHA1 %x", sha1.Sum([]byte(m.Text)))
		}
		c.say("%s)", answer)
	}
	c.ok("done")
}

func inSet(set string, uid uint32) bool {
	for part := range strings.SplitSeq(set, ",") {
		low, high, is := strings.Cut(part, ":")
		from, _ := strconv.ParseUint(low, 10, 32)
		to := from
		if is {
			if to, _ = strconv.ParseUint(high, 10, 32); high == "*" {
				to = 1 << 32
			}
		}
		if uint64(uid) >= from && uint64(uid) <= to {
			return true
		}
	}
	return false
}

// cut cuts a message behind its header.
func cut(text string) (header, rest string) {
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		line := strings.TrimRight(text[at:at+end], "\r")
		at += end + 1
		if line == "" {
			return text[:at], text[at:]
		}
	}
	return text, ""
}

// append answers APPEND.
func (c *conn1) append(args string, o Options) {
	name, more := unquote(args)
	at := strings.LastIndexByte(more, '{')
	var n int
	if at >= 0 {
		fmt.Sscanf(more[at:], "{%d", &n)
	}
	unasked := strings.HasSuffix(more, "+}")
	c.s.mu.Lock()
	c.s.appends++
	number := c.s.appends
	f := c.s.folders[name]
	c.s.mu.Unlock()
	answer := ""
	if o.Before != nil {
		answer = o.Before(number, args)
	}
	if answer == "" && f == nil {
		answer = "NO [TRYCREATE] no such mailbox"
	}
	if unasked && !strings.Contains(o.Caps, "LITERAL+") && !(strings.Contains(o.Caps, "LITERAL-") && n <= 4096) {
		answer = "BAD that literal was not announced" // what follows is taken for commands
		c.finish(answer)
		return
	}
	if answer != "" && !unasked || answer == "-" {
		c.finish(answer)
		return
	}
	if !unasked {
		c.say("+ send it")
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(c.in, text); err != nil {
		c.closed = true
		return
	}
	early := uint32(0)
	if o.Early {
		early = c.keep(name, string(text), more[:max(at, 0)], o)
	}
	if line, err := c.in.ReadString('\n'); err != nil || strings.TrimRight(line, "\r\n") != "" {
		c.closed = true
		return
	}
	if answer == "" && o.After != nil {
		answer = o.After(number, string(text))
	}
	if answer != "" && answer != "-ok" {
		c.finish(answer)
		return
	}
	uid := early
	if uid == 0 {
		uid = c.keep(name, string(text), more[:max(at, 0)], o)
	}
	if answer == "-ok" {
		c.closed = true
		return
	}
	if !strings.Contains(o.Caps, "UIDPLUS") {
		c.ok("stored")
		return
	}
	validity := f.validity
	if o.Lie != nil {
		validity, uid = o.Lie(validity, uid)
	}
	c.ok(fmt.Sprintf("[APPENDUID %d %d] stored", validity, uid))
}

// keep puts a message into a folder.
func (c *conn1) keep(name, text, args string, o Options) uint32 {
	if o.Store != nil {
		text = o.Store(text)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := c.s.folders[name]
	if f == nil {
		return 0
	}
	return f.put(text, strings.TrimSpace(args))
}
