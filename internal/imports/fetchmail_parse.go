package imports

import (
	"maps"
	"slices"
	"strings"
)

// fmOptions are options of a server or of a user, by their names in a fetchmailrc.
type fmOptions struct {
	keys  []string // in the order of the file
	line  map[string]int
	value map[string][]string
	off   map[string]bool // given as "no NAME"
	doubt map[string]bool // holds an escape that versions of fetchmail read differently
}

func newOptions() *fmOptions {
	return &fmOptions{line: map[string]int{}, value: map[string][]string{}, off: map[string]bool{}, doubt: map[string]bool{}}
}

func (o *fmOptions) copy() *fmOptions {
	return &fmOptions{slices.Clone(o.keys), maps.Clone(o.line), maps.Clone(o.value), maps.Clone(o.off), maps.Clone(o.doubt)}
}

func (o *fmOptions) has(key string) bool { _, ok := o.line[key]; return ok }

// on reports whether a switch is on; usual is what it is if it is not given.
func (o *fmOptions) on(key string, usual bool) bool {
	if !o.has(key) {
		return usual
	}
	return !o.off[key]
}

func (o *fmOptions) get(key string) string {
	if v := o.value[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (o *fmOptions) put(key string, line int, off, doubt bool, values []string) {
	if !o.has(key) {
		o.keys = append(o.keys, key)
	}
	o.line[key], o.value[key], o.off[key], o.doubt[key] = line, values, off, doubt
}

// fmServer is a poll or skip entry.
type fmServer struct {
	name    string
	skip    bool
	line    int
	options *fmOptions
	users   []*fmOptions
}

// How many words follow an option. many: all up to the next keyword.
const many = -1

var fmServerOptions = map[string]int{"via": 1, "proto": 1, "protocol": 1, "service": 1, "port": 1, "interval": 1, "timeout": 1,
	"envelope": 1, "qvirtual": 1, "localdomains": many, "aka": many, "plugin": 1, "plugout": 1, "auth": 1, "authenticate": 1,
	"preauth": 1, "uidl": 0, "dns": 0, "checkalias": 0, "tracepolls": 0, "principal": 1, "esmtpname": 1, "esmtppassword": 1,
	"bad-header": 1, "interface": 1, "monitor": 1, "retrieve-error": 1}

var fmUserOptions = map[string]int{"password": 1, "pass": 1, "folder": many, "folders": many, "smtphost": many, "smtp": many,
	"smtpaddress": 1, "smtpname": 1, "fetchdomains": many, "antispam": many, "mda": 1, "bsmtp": 1, "preconnect": 1,
	"postconnect": 1, "keep": 0, "flush": 0, "limitflush": 0, "fetchall": 0, "rewrite": 0, "stripcr": 0, "forcecr": 0,
	"pass8bits": 0, "dropstatus": 0, "dropdelivered": 0, "mimedecode": 0, "idle": 0, "ssl": 0, "sslcert": 1, "sslkey": 1,
	"sslproto": 1, "sslcertck": 0, "sslcertfile": 1, "sslcertpath": 1, "sslcommonname": 1, "sslfingerprint": 1, "limit": 1,
	"warnings": 1, "fetchlimit": 1, "fetchsizelimit": 1, "batchlimit": 1, "fastuidl": 1, "expunge": 1, "lmtp": 0,
	"is": many, "to": many, "properties": 1}

var fmSame = map[string]string{"protocol": "proto", "port": "service", "authenticate": "auth", "pass": "password", "folders": "folder", "smtp": "smtphost"}

// fmReader goes through the words of a fetchmailrc.
type fmReader struct {
	tokens       []fmToken
	next         int
	globals      *fmOptions
	server, user *fmOptions // of the defaults entry
	servers      []*fmServer
}

func (r *fmReader) word() string {
	if r.next < len(r.tokens) && !r.tokens[r.next].quoted {
		return r.tokens[r.next].text
	}
	return ""
}

func (r *fmReader) line() int {
	if r.next < len(r.tokens) {
		return r.tokens[r.next].line
	}
	if len(r.tokens) > 0 {
		return r.tokens[len(r.tokens)-1].line
	}
	return 0
}

// text takes the next word as it is, keyword or not.
func (r *fmReader) text(what string) (fmToken, error) {
	if r.next == len(r.tokens) {
		return fmToken{}, &Error{r.line(), what + " is missing at the end of the file"}
	}
	r.next++
	return r.tokens[r.next-1], nil
}

// keyword reports whether the next word begins something new, so that it is no further value of a list.
func (r *fmReader) keyword() bool {
	w := strings.TrimPrefix(r.word(), "no")
	_, server := fmServerOptions[w]
	_, user := fmUserOptions[w]
	return server || user || slices.Contains([]string{"poll", "skip", "server", "defaults", "set", "user", "username", "here", "there", ""}, w)
}

// parseFetchmail reads a fetchmailrc.
func parseFetchmail(s string) (*fmReader, error) {
	tokens, err := fetchmailTokens(s)
	if err != nil {
		return nil, err
	}
	r := &fmReader{tokens: tokens, globals: newOptions(), server: newOptions(), user: newOptions()}
	for r.next < len(r.tokens) {
		if err := r.entry(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *fmReader) entry() error {
	line, w := r.line(), r.word()
	r.next++
	switch w {
	case "set":
		return r.set()
	case "defaults":
		return r.options(r.server, r.user, nil)
	case "poll", "server", "skip":
		name, err := r.text("the name of the server")
		if err != nil {
			return err
		}
		s := &fmServer{name: name.text, skip: w == "skip", line: line, options: r.server.copy()}
		r.servers = append(r.servers, s)
		return r.options(s.options, nil, s)
	}
	return &Error{line, "expected poll, skip, defaults or set"}
}

// set reads a global option: all words up to the next entry.
func (r *fmReader) set() error {
	line := r.line()
	key := r.word()
	r.next++
	off := false
	if key == "no" {
		off, key = true, r.word()
		r.next++
	}
	var values []string
	for r.next < len(r.tokens) && !slices.Contains([]string{"set", "poll", "skip", "server", "defaults"}, r.word()) {
		values = append(values, r.tokens[r.next].text)
		r.next++
	}
	r.globals.put(key, line, off, false, values)
	return nil
}
