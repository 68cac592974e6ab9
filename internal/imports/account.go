package imports

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// What is said of several fetchers.
const (
	fetchedBefore = "what was fetched before is taken over once the account is in use: popsync import, with --state and --into"
	ownTimeout    = "popsync decides itself how long it waits for a server"
	passwordElse  = " takes the password from .netrc or a key ring, or asks: give it to popsync"
)

func (a *Account) set(key string, value any) { a.Settings.Set(key, value) }

func (a *Account) say(line int, key string, kind Kind, why string) {
	a.Remarks = append(a.Remarks, Remark{line, key, kind, why})
}

func (a *Account) done(line int, key string) { a.say(line, key, Done, "") }

// never leaves all mail on the server, and keeps the line that would delete as the other fetcher does.
func (a *Account) never(line int, key, restore string) {
	a.set("delete", "never")
	if restore == "" {
		a.done(line, key)
		return
	}
	a.Restore = append(a.Restore, restore)
	a.say(line, key, Changed, "all mail stays on the server until you remove the # in front of "+restore)
}

// deleteLarger keeps the line that deletes large mail at once, where other mail is deleted later or not at all. age is the line that deletes
// the other mail; "": none does.
func (a *Account) deleteLarger(line int, key string, octets int, age string) {
	switch {
	case octets == 0 || age == ageOf(0): // then it goes at once anyway
		a.done(line, key)
		return
	case age == "":
		a.Restore = append(a.Restore, `delete = "36500d"`) // nothing but large mail is deleted
	}
	restore := fmt.Sprintf("delete_larger = %d", octets)
	a.Restore = append(a.Restore, restore)
	a.say(line, key, Changed, "large mail stays on the server, too, until you remove the # in front of "+restore+" and of the line with delete")
}

// ageOf is the line that deletes at an age in days; 0 days: at once.
func ageOf(days int) string {
	if days == 0 {
		return `delete = "after-delivery"`
	}
	return fmt.Sprintf("delete = %q", strconv.Itoa(days)+"d")
}

// protect sets tls and, where it is not the usual one, the port. port "" or "0" is the usual one.
func (a *Account) protect(line int, tls, port string) error {
	a.set("tls", tls)
	usual := "110"
	if tls == "implicit" {
		usual = "995"
	}
	switch port {
	case "", "0", usual:
		return nil
	case "pop3":
		port = "110"
	case "pop3s":
		port = "995"
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return &Error{line, "not a port: " + quoted(port)}
	}
	if strconv.Itoa(n) != usual {
		a.set("port", n)
	}
	return nil
}

// plaintext leaves the account without tls, which popsync uses only if a person says so.
func (a *Account) plaintext(line int, key string) {
	a.set("tls", "starttls")
	a.say(line, key, Decide, `it was used without encryption; try tls = "starttls" or "implicit" first, and accept the risk with tls = "none" and insecure_plaintext = true only if the server can do neither`)
}

// host sets the name or address of the server, if it can be one.
func (a *Account) host(line int, name string) error {
	if name == "" || strings.Trim(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:%") != "" || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return &Error{line, "this is not the name of a server"}
	}
	a.set("host", name)
	return nil
}

// secret keeps the password, if popsync can send it.
func (a *Account) secret(line int, key, password string) {
	if strings.ContainsAny(password, "\r\n\x00") {
		a.say(line, key, Decide, "it has a line end or a NUL in it: give the password to popsync again")
		return
	}
	a.Secret = password
	a.done(line, key)
}

// auth sets how to log in, of the names that mechanisms have. What popsync would not choose by itself must not be lost.
func (a *Account) auth(line int, key, name string) {
	switch name = strings.ToLower(name); name {
	case "", "on", "any", "password":
		a.done(line, key)
	case "plain", "user", "login", "apop", "cram-md5", "external", "scram-sha-1", "scram-sha-256", "scram-sha-1-plus", "scram-sha-256-plus":
		a.set("auth", name)
		a.done(line, key)
	case "xoauth2", "oauthbearer":
		a.set("auth", name)
		a.say(line, key, Decide, `what was the password is an access token: name the program that prints it as password_command, or let popsync log in itself, with oauth: see docs/oauth.md`)
	default:
		a.say(line, key, Decide, "popsync cannot log in that way: see auth in config.example.toml")
	}
}

// whole reads a number that must not be negative.
func whole(line int, key, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, &Error{line, key + " is not a number: " + quoted(value)}
	}
	return n, nil
}

// path writes ~ and a folder below it as popsync does, and says whether it can be used: absolute, or below ~.
func (f *file) path(p string) (string, bool) {
	if p == "~" || strings.HasPrefix(p, "~/") {
		return p, true
	}
	for _, home := range []string{"$HOME", "${HOME}", "%h"} {
		if rest, ok := strings.CutPrefix(p, home); ok && (rest == "" || rest[0] == '/') {
			return "~" + rest, true
		}
	}
	return p, filepath.IsAbs(p) && !strings.ContainsAny(p, "\x00\r\n")
}

// maildir adds a Maildir.
func (f *file) maildir(a *Account, line int, key, path string) {
	p, ok := f.path(strings.TrimSuffix(path, "/"))
	if !ok || strings.ContainsAny(p, "$%") {
		a.say(line, key, Decide, "write the absolute path of the Maildir: "+quoted(path)+" depends on where the other program ran")
		return
	}
	a.Deliver = append(a.Deliver, Destination{Settings: Settings{{"type", "maildir"}, {"path", p}}})
	a.done(line, key)
}

// quoted shows foreign text in a message: escaped, and not longer than a line.
func quoted(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.QuoteToASCII(s)
}
