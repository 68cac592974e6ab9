package imports

import (
	"strconv"
	"strings"
)

// fetchmail reads a fetchmailrc, or what "fetchmail --configdump" made of one.
func fetchmail(f *file) (*Found, error) {
	read := parseFetchmail
	if strings.Contains(f.text, "fetchmailrc = {") {
		read = parseDump
	}
	r, err := read(f.text)
	if err != nil {
		return nil, err
	}
	found := &Found{}
	globals := r.globals
	for _, k := range globals.keys {
		if globals.off[k] && k != "softbounce" { // no softbounce deletes what is refused
			found.Remarks = append(found.Remarks, Remark{globals.line[k], "set no " + k, Done, ""})
			continue
		}
		switch k {
		case "daemon":
			found.Remarks = append(found.Remarks, Remark{globals.line[k], "set " + k, Done, ""})
		case "idfile":
			found.Remarks = append(found.Remarks, Remark{globals.line[k], "set " + k, Unsupported, fetchedBefore})
		default:
			found.Remarks = append(found.Remarks, Remark{globals.line[k], "set " + k, Unsupported, fmGlobalWhy[k]})
		}
	}
	for _, s := range r.servers {
		if s.skip {
			found.Remarks = append(found.Remarks, Remark{s.line, "skip " + quoted(s.name), Changed, "fetchmail does not poll it unless it is named; it is left out"})
			continue
		}
		if len(s.users) == 0 {
			s.users = append(s.users, r.user.copy())
		}
		proto := strings.ToLower(s.options.get("proto"))
		if proto != "pop3" && proto != "apop" && proto != "" && proto != "auto" {
			found.Remarks = append(found.Remarks, Remark{s.line, "poll " + quoted(s.name), Unsupported, "popsync fetches by POP3 only"})
			continue
		}
		for _, u := range s.users {
			a, err := f.fetchmailAccount(s, u, globals)
			if err != nil {
				found.leaveOut(s.line, "poll "+quoted(s.name), err)
				continue
			}
			if proto == "" || proto == "auto" {
				a.say(s.line, "proto", Decide, "the file does not say that it is POP3: make sure that the server offers it")
			}
			found.Accounts = append(found.Accounts, *a)
		}
	}
	if len(r.servers) == 0 {
		return nil, &Error{Text: "is no fetchmailrc: it polls no server"}
	}
	return found, nil
}

var fmGlobalWhy = map[string]string{
	"logfile": "see [log] in config.example.toml", "syslog": "popsync logs to the journal when systemd runs it",
	"postmaster": "what no destination takes stays on the server and is reported", "bouncemail": "popsync never bounces mail",
	"spambounce": "popsync never bounces mail", "softbounce": "refused mail stays on the server, or goes to the fallback",
}

// fetchmailAccount says a user of a server in popsync's words.
func (f *file) fetchmailAccount(s *fmServer, u, globals *fmOptions) (*Account, error) {
	a := &Account{Was: s.name}
	if len(s.users) > 1 {
		a.Was = s.name + "-" + u.get("user")
	}
	host := s.options.get("via")
	if host == "" {
		host = s.name
	}
	if err := a.host(s.line, host); err != nil {
		return nil, err
	}
	a.say(s.line, "poll", Done, "")
	if strings.EqualFold(s.options.get("proto"), "apop") {
		a.auth(s.options.line["proto"], "proto", "apop")
	}
	if s.options.has("auth") {
		a.auth(s.options.line["auth"], "auth", s.options.get("auth"))
	}
	if err := fetchmailTLS(a, s, u); err != nil {
		return nil, err
	}
	if name := u.get("user"); name != "" {
		a.set("username", name)
		fmDone(a, u, "user")
	} else {
		a.say(s.line, "user", Decide, "write the user name: username; fetchmail takes that of who runs it")
	}
	switch {
	case u.doubt["password"]:
		a.say(u.line["password"], "password", Decide, `it has \1 to \9 in it, which versions of fetchmail read differently: give the password to popsync again`)
	case u.has("password"):
		a.secret(u.line["password"], "password", u.get("password"))
	default:
		a.say(s.line, "password", Changed, "fetchmail"+passwordElse)
	}
	restore := ""
	if !u.on("keep", false) {
		restore = ageOf(0)
	}
	a.never(u.line["keep"], "keep", restore)
	if err := fetchmailNumbers(a, s, u, globals); err != nil {
		return nil, err
	}
	f.fetchmailDeliver(a, s, u)
	if !u.has("rewrite") {
		a.say(0, "rewrite", Changed, "fetchmail completes addresses in the header unless it is told not to; popsync changes no header")
	}
	f.fetchmailRest(a, s.options, fmServerDone)
	f.fetchmailRest(a, u, fmUserDone)
	return a, nil
}

func fmDone(a *Account, o *fmOptions, key string) { a.done(o.line[key], key) }

// fetchmailTLS: ssl is TLS from the first byte; else fetchmail tries STLS unless sslproto is ”.
func fetchmailTLS(a *Account, s *fmServer, u *fmOptions) error {
	tls := "starttls"
	if u.on("ssl", false) {
		tls = "implicit"
	}
	if err := a.protect(s.options.line["service"], tls, s.options.get("service")); err != nil {
		return err
	}
	plain := u.has("sslproto") && u.get("sslproto") == "" && tls != "implicit"
	if plain {
		a.plaintext(u.line["sslproto"], "sslproto")
	}
	switch {
	case u.has("ssl"):
		fmDone(a, u, "ssl")
	case !plain:
		a.say(s.line, "ssl", Changed, "STLS is required: fetchmail goes on without encryption where the server has none")
	}
	if u.has("sslcertck") {
		if u.on("sslcertck", true) {
			fmDone(a, u, "sslcertck")
		} else {
			a.say(u.line["sslcertck"], "sslcertck", Decide, "certificates are always checked; see what popsync check says of this server, and ca_file")
		}
	}
	return nil
}

// fetchmailNumbers: how large, how many, how often.
func fetchmailNumbers(a *Account, s *fmServer, u, globals *fmOptions) error {
	for _, k := range []struct{ theirs, ours string }{{"limit", "max_size"}, {"fetchlimit", "limit"}} {
		if !u.has(k.theirs) {
			continue
		}
		n, err := whole(u.line[k.theirs], k.theirs, u.get(k.theirs))
		if err != nil {
			return err
		}
		if n > 0 && k.ours == "max_size" {
			a.set(k.ours, strconv.Itoa(n))
		} else if n > 0 {
			a.set(k.ours, n)
		}
		fmDone(a, u, k.theirs)
	}
	if !globals.has("daemon") {
		return nil
	}
	seconds, err := whole(globals.line["daemon"], "daemon", globals.get("daemon"))
	if err != nil {
		return err
	}
	if s.options.has("interval") {
		n, err := whole(s.options.line["interval"], "interval", s.options.get("interval"))
		if err != nil {
			return err
		}
		seconds *= max(n, 1)
		fmDone(a, s.options, "interval")
	}
	if seconds > 0 {
		a.set("schedule", "@every "+every(seconds))
	}
	return nil
}

// every writes seconds as minutes where they are whole ones.
func every(seconds int) string {
	if seconds%60 == 0 {
		return strconv.Itoa(seconds/60) + "m"
	}
	return strconv.Itoa(seconds) + "s"
}
