package imports

// account reads account "n" [disabled] [user ..] pop3|pop3s server "h" [port N] [user "u"] [pass "p"] ...
func (r *fdmReader) account(words []fdmToken) error {
	if len(words) < 3 || !words[1].quoted {
		return &Error{words[0].line, "an account without a name"}
	}
	a := &Account{Was: words[1].text}
	line := words[0].line
	kind, host, port, tls, disabled, keep := "", "", "", "", false, false
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
		case "user", "users":
			u := argument()
			if kind == "" { // who the account is fetched as
				a.say(w.line, "user", Unsupported, "popsync delivers as the user that runs it")
				continue
			}
			r.given(a, u, "user", func(s string) { a.set("username", s) })
		case "pass":
			r.given(a, argument(), "pass", func(s string) { a.Secret = s })
		case "cache":
			argument()
			a.say(w.line, "cache", Unsupported, fetchedBefore)
		case "keep":
			keep = true
			a.never(w.line, "keep", "")
		case "starttls":
			tls = "starttls"
		case "new-only":
			a.done(w.line, w.text)
		case "old-only":
			a.say(w.line, w.text, Decide, "popsync fetches new mail; popsync baseline leaves out what is there now")
		case "no-verify", "insecure":
			a.say(w.line, w.text, Decide, "certificates are always checked; see what popsync check says of this server")
		default:
			a.say(w.line, w.text, Unsupported, "")
		}
	}
	switch {
	case kind != "pop3" && kind != "pop3s":
		r.remarks = append(r.remarks, Remark{line, "account " + quoted(a.Was), Unsupported, "popsync fetches by POP3, this is of type " + quoted(kind)})
		return nil
	case disabled:
		r.remarks = append(r.remarks, Remark{line, "account " + quoted(a.Was), Changed, "it is disabled, and left out"})
		return nil
	case host == "":
		return &Error{line, "the account has no server"}
	}
	if !keep {
		a.never(line, "keep", ageOf(0))
	}
	where := Settings{{"host", host}}
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
	a.done(line, "server")
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
