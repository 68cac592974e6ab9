package imports

import (
	"strconv"
	"strings"
)

// fetchids reads lines USER@HOST UID. The user may have blanks before the first @, and further @. fetchmail writes whole lines.
func (r *stateReader) fetchids(s string) {
	for l := range strings.Lines(s) {
		line := strings.TrimLeft(strings.TrimRight(l, "\r\n"), " \t")
		if line == "" {
			continue
		}
		at := strings.IndexByte(line, '@')
		blank := strings.IndexAny(line[max(at, 0):], " \t")
		if at < 0 || blank < 0 || !strings.HasSuffix(l, "\n") {
			r.odd++
			continue
		}
		account, uid := line[:at+blank], strings.Trim(line[at+blank:], " \t")
		last := strings.LastIndexByte(account, '@')
		if uid == "" || strings.ContainsAny(uid, " \t") || last == 0 || !server(account[last+1:]) || strings.Contains(account, `"`) {
			r.odd++
			continue
		}
		r.add(r.mailbox(account[last+1:], account[:last]), ID{Text: uid})
	}
}

// mpopUIDs reads lists: " COUNT HOST USER" and as many lines, each a unique-id and, since mpop 1.4.23, a blank and the time at which it
// was first seen. A unique-id may itself end in a blank and digits.
func (r *stateReader) mpopUIDs(s string) {
	for strings.HasPrefix(s, "#") {
		_, s, _ = strings.Cut(s, "\n")
	}
	for s != "" {
		var head string
		head, s, _ = strings.Cut(s, "\n")
		parts := strings.Split(strings.TrimSuffix(head, "\r"), " ")
		n := -1
		if len(parts) == 4 && parts[0] == "" && server(parts[2]) && parts[3] != "" {
			n = counted(parts[1])
		}
		if n < 0 {
			r.odd++
			continue
		}
		box := r.mailbox(parts[2], parts[3])
		for ; n > 0 && s != ""; n-- {
			line, rest, whole := strings.Cut(s, "\n")
			if s = rest; !whole || line == "" {
				r.odd++
				continue
			}
			id := ID{Text: line}
			if cut := strings.LastIndexByte(line, ' '); cut > 0 && number(line[cut+1:]) {
				id = ID{Text: line[:cut], Or: line}
			}
			r.add(box, id)
		}
		if n > 0 {
			r.odd++
		}
	}
}

// counted is a number of messages; -1: it is none.
func counted(s string) int {
	if n, err := strconv.Atoi(s); err == nil && number(s) {
		return n
	}
	return -1
}

// oldmail reads lines of a unique-id, NUL and the time at which it was first seen.
func (r *stateReader) oldmail(s string) {
	for l := range strings.Lines(s) {
		line := strings.TrimRight(l, "\r\n")
		if line == "" {
			continue
		}
		uid, _, ok := strings.Cut(line, "\x00")
		if !ok || uid == "" {
			r.odd++
			continue
		}
		if parts := strings.Split(uid, "/"); len(parts) == 3 { // of a version before 4.22, with a part in the middle that is not the server's
			uid = parts[0] + "/" + parts[2]
		}
		r.add(r.mailbox("", ""), ID{Text: uid})
	}
}

// fdmCache reads entries LENGTH UID and a line end. The length says where a unique-id ends; behind one that makes no sense nothing
// can be told.
func (r *stateReader) fdmCache(s string) {
	for s != "" {
		length, rest, _ := strings.Cut(s[:min(len(s), 12)], " ")
		n := counted(length)
		from := len(length) + 1
		if rest == "" || n <= 0 || n > len(s)-from || len(s) > from+n && s[from+n] != '\n' {
			r.odd++
			return
		}
		r.add(r.mailbox("", ""), ID{Text: s[from : from+n]})
		s = strings.TrimPrefix(s[from+n:], "\n")
	}
}

// popstate reads a line *HOST USER, then lines STATUS UID TIME. What Thunderbird fetched in part, or is to fetch, is not taken for
// seen. The last line has no end, but its time.
func (r *stateReader) popstate(s string) {
	box := -1
	for l := range strings.Lines(s) {
		line := strings.TrimRight(l, "\r\n")
		parts := strings.Split(line, " ")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '*':
			host, user, _ := strings.Cut(line[1:], " ")
			if box = -1; server(host) && user != "" {
				box = r.mailbox(host, user)
			} else {
				r.odd++
			}
		case box < 0 || len(parts) < 3 || parts[1] == "" || !number(parts[2]):
			r.odd++
		case parts[0] == "k" || parts[0] == "d":
			r.add(box, ID{Text: parts[1]})
		case parts[0] != "b" && parts[0] != "f":
			r.odd++
		}
	}
}
