package imports

import "strings"

// account reads account "n" [disabled] [user ..] pop3|pop3s server "h" [port N] [user "u"] [pass "p"] ...
func (r *fdmReader) account(words []fdmToken) error {
	if len(words) < 3 || !words[1].quoted {
		return &Error{words[0].line, "an account without a name"}
	}
	a := &Account{Was: words[1].text}
	line := words[0].line
	kind, host, port, tls, disabled, keep := "", "", "", "", false, false
	pipe, password := false, false
	for i := 2; i < len(words); i++ {
		w := words[i]
		argument := func() fdmToken {
			if i++; i < len(words) {
				return words[i]
			}
			return fdmToken{}
		}
		if w.quoted {
			continue // more users or folders
		}
		switch w.text {
		case "disabled":
			disabled = true
		case "pop3", "pop3s", "imap", "imaps", "nntp", "nntps", "stdin", "mbox", "maildir", "maildirs", "mboxes":
			if kind == "" {
				kind = w.text
			}
		case "server":
			host = argument().text
		case "port":
			port = argument().text
			a.done(w.line, "port")
		case "pipe":
			pipe = true
			r.pipe(a, w.line, argument())
		case "user", "users":
			u := argument()
			if kind == "" { // who the account is fetched as
				a.say(w.line, "user", Unsupported, "popsync delivers as the user that runs it")
				continue
			}
			r.given(a, u, "user", func(s string) { a.set("username", s) })
		case "pass":
			password = true
			r.given(a, argument(), "pass", func(s string) { a.Secret = s })
		case "cache":
			argument()
			a.say(w.line, "cache", Unsupported, fetchedBefore)
		case "keep":
			keep = true
			a.never(w.line, "keep", "")
		case "starttls":
			tls = "starttls"
			a.done(w.line, w.text)
		case "new-only", "no-apop":
			a.done(w.line, w.text)
		case "insecure":
			a.say(w.line, w.text, Changed, "popsync uses TLS 1.2 or later; for a server that is older see tls_legacy in config.example.toml")
		case "no-uidl":
			a.say(w.line, w.text, Changed, "popsync takes unique-ids where the server gives them, and tells messages apart by what it can where not")
		case "old-only":
			a.say(w.line, w.text, Decide, "popsync fetches new mail; popsync baseline leaves out what is there now")
		case "no-verify":
			a.say(w.line, w.text, Decide, "certificates are always checked; see what popsync check says of this server")
		default:
			a.say(w.line, w.text, Unsupported, "")
		}
	}
	switch {
	case kind != "pop3" && kind != "pop3s":
		r.found.Remarks = append(r.found.Remarks, Remark{line, "account " + quoted(a.Was), Unsupported, "popsync fetches by POP3, this is of type " + quoted(kind)})
		return nil
	case disabled:
		r.found.Remarks = append(r.found.Remarks, Remark{line, "account " + quoted(a.Was), Changed, "it is disabled, and left out"})
		return nil
	case host == "" && !pipe:
		return &Error{line, "the account has no server"}
	}
	if !keep {
		a.never(line, "keep", ageOf(0))
	}
	var where Settings
	if host != "" {
		where.Set("host", host)
	}
	username := a.Settings.Get("username")
	a.Settings = append(where, a.Settings...)
	plain := kind == "pop3" && tls == ""
	if kind == "pop3s" {
		tls = "implicit"
	} else {
		tls = "starttls"
	}
	if err := a.protect(line, tls, port); err != nil {
		return err
	}
	if plain {
		a.plaintext(line, kind)
	} else {
		a.done(line, kind)
	}
	if host != "" {
		a.done(line, "server")
	}
	if !password {
		a.say(0, "pass", Changed, "fdm"+passwordElse)
	}
	if username == nil {
		a.say(line, "user", Decide, "write the user name: username; fdm took it from .netrc or from who ran it")
	}
	r.accounts = append(r.accounts, *a)
	return nil
}

// given hands over a text of the file, or asks for it where a command would have printed it.
func (r *fdmReader) given(a *Account, t fdmToken, key string, take func(string)) {
	if t.runs {
		a.say(t.line, key, Decide, "a command would print it; popsync runs nothing: write it, or name the command as password_command")
		return
	}
	take(t.text)
	a.done(t.line, key)
}

// pipe is a program that fdm speaks POP3 with, by way of a shell, in place of a server.
func (r *fdmReader) pipe(a *Account, line int, t fdmToken) {
	why := "write the name of the server as host: it is who the program connects to, and whose certificate is checked"
	args, plain := split(t.text)
	if t.runs || !plain || len(args) == 0 || !strings.HasPrefix(args[0], "/") {
		why += `; and the program as a list, by its absolute path and without a shell: connect_command = ["/usr/bin/ssh", "mail.example.org", "nc", "localhost", "110"]`
	} else {
		a.set("connect_command", args)
	}
	a.say(line, "pipe", Decide, why)
}
