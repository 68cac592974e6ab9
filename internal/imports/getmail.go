package imports

import (
	"path/filepath"
	"strconv"
	"strings"
)

// getmail reads a getmailrc: one account, its destinations and options.
func getmail(f *file) (*Found, error) {
	all, order, err := sections(f.text)
	if err != nil {
		return nil, err
	}
	r := all["retriever"]
	if r == nil || all["destination"] == nil {
		return nil, &Error{Text: "is no getmailrc: it has no [retriever], or no [destination]"}
	}
	a := &Account{Was: r.get("username")}
	if err := f.getmailRetriever(a, r); err != nil {
		return nil, err
	}
	used := map[string]bool{"retriever": true, "destination": true, "options": true}
	if err := f.getmailDestination(a, all, "destination", used, 0); err != nil {
		return nil, err
	}
	if err := getmailOptions(a, all["options"]); err != nil {
		return nil, err
	}
	for _, name := range order {
		if !used[name] {
			kind, why := getmailSection(name)
			a.say(all[name].line, "["+name+"]", kind, why)
		}
	}
	return &Found{Accounts: []Account{*a}}, nil
}

func getmailSection(name string) (Kind, string) {
	if strings.HasPrefix(name, "filter") {
		return Decide, "popsync has no filters: what this one dropped would be delivered; a destination of type command can refuse or sort"
	}
	return Unsupported, "no destination uses it"
}

func (f *file) getmailRetriever(a *Account, r *section) error {
	kind := r.get("type")
	tls, plain := "starttls", true
	switch kind {
	case "SimplePOP3SSLRetriever", "MultidropPOP3SSLRetriever", "BrokenUIDLPOP3SSLRetriever":
		tls, plain = "implicit", false
	case "SimplePOP3Retriever", "MultidropPOP3Retriever", "BrokenUIDLPOP3Retriever":
	default:
		return &Error{r.at["type"], "popsync fetches by POP3, this is a retriever of type " + quoted(kind)}
	}
	if err := a.host(max(r.at["server"], r.line), r.get("server")); err != nil {
		return err
	}
	if err := a.protect(r.at["port"], tls, r.get("port")); err != nil {
		return err
	}
	if plain {
		a.plaintext(r.at["type"], "type")
	} else {
		a.done(r.at["type"], "type")
	}
	if strings.HasPrefix(kind, "BrokenUIDL") {
		a.say(r.at["type"], "type", Changed, "popsync tells messages apart by what it can; what getmail remembered of this server cannot be imported")
	}
	if r.get("username") != "" {
		a.set("username", r.get("username"))
	} else {
		a.say(r.line, "username", Decide, "write the user name: username")
	}
	for _, k := range r.keys {
		line, v := r.at[k], r.get(k)
		switch k {
		case "type":
		case "server", "port", "username":
			a.done(line, k)
		case "timeout":
			a.say(line, k, Changed, ownTimeout)
		case "password":
			a.secret(line, k, v)
		case "use_apop", "use_xoauth2":
			if r.truth(k, false) {
				a.auth(line, k, strings.TrimPrefix(k, "use_"))
			} else {
				a.done(line, k)
			}
		case "certfile":
			f.file(a, line, k, "tls_client_cert", v)
		case "keyfile":
			f.file(a, line, k, "tls_client_key", v)
		case "ssl_cert_hostname":
			a.set("tls_server_name", v)
			a.done(line, k)
		case "password_command":
			argv, ok := pythonList(v)
			if !ok || !filepath.IsAbs(argv[0]) {
				a.say(line, k, Decide, `write it as password_command, with the program by its absolute path: ["/usr/bin/pass", "show", "mail"]`)
				if !ok {
					break
				}
				a.Settings.Set("password_command", argv)
				break
			}
			a.set("password_command", argv)
			a.done(line, k)
		case "ca_certs":
			f.caFile(a, line, k, v)
		case "use_netrc":
			if r.truth(k, false) {
				a.say(line, k, Decide, "copy the password from the .netrc file")
			} else {
				a.done(line, k)
			}
		case "envelope_recipient":
			a.say(line, k, Changed, "it is envelope_header of destinations by LMTP; getmail counts the fields from 1, popsync says how many to skip")
		default:
			a.say(line, k, Unsupported, getmailWhy[k])
		}
	}
	if r.get("password") == "" && r.get("password_command") == "" && !r.truth("use_netrc", false) {
		a.say(0, "password", Changed, "getmail"+passwordElse)
	}
	if !plain && r.get("ca_certs") == "" {
		a.say(0, "ca_certs", Changed, "getmail did not check certificates here; popsync always does")
	}
	return nil
}

// getmailWhy says of keys that popsync does not have, or has elsewhere, what to do about them.
var getmailWhy = map[string]string{
	"use_kerberos":            "popsync cannot log in that way",
	"ssl_fingerprints":        "see what popsync check says of this server",
	"delete_dup_msgids":       "popsync never deletes what it did not deliver",
	"message_log":             "see [log] in config.example.toml",
	"message_log_syslog":      "popsync logs to the journal when systemd runs it",
	"message_log_verbose":     "see [log] in config.example.toml",
	"logfile":                 "see [log] in config.example.toml",
	"fingerprint":             "see what popsync check says of this server",
	"skip_imap_fetch_size":    "popsync fetches by POP3",
	"to_oldmail_on_each_mail": "popsync notes each message as soon as it is durable",
	"only_oldmail_file":       "popsync baseline does that, once",
}

func getmailOptions(a *Account, o *section) error {
	if o == nil {
		o = &section{}
	}
	restore, key := "", "delete"
	if o.truth("delete", false) {
		restore = ageOf(0)
	} else if v := o.get("delete_after"); v != "" {
		n, err := whole(o.at["delete_after"], "delete_after", v)
		if err != nil {
			return err
		}
		if n > 0 {
			restore, key = ageOf(n), "delete_after"
		}
	}
	if o.at[key] > 0 {
		a.never(o.at[key], key, restore)
	} else {
		a.set("delete", "never")
	}
	for _, k := range o.keys {
		line, v := o.at[k], o.get(k)
		switch k {
		case "delete", "delete_after":
			if k != key {
				a.done(line, k)
			}
		case "read_all":
			if o.truth(k, true) {
				a.say(line, k, Changed, "popsync never fetches a message twice")
			} else {
				a.done(line, k)
			}
		case "verbose":
			a.done(line, k)
		case "received", "delivered_to":
			a.say(line, k, Changed, "popsync adds no Delivered-To, and a Received line where trace says so")
		case "max_message_size", "max_messages_per_session", "max_bytes_per_session":
			n, err := whole(line, k, v)
			if err != nil {
				return err
			}
			switch {
			case n == 0:
			case k == "max_message_size":
				a.set("max_size", strconv.Itoa(n))
			case k == "max_bytes_per_session":
				a.set("limit_size", strconv.Itoa(n))
			default:
				a.set("limit", n)
			}
			a.done(line, k)
		case "delete_bigger_than":
			n, err := whole(line, k, v)
			if err != nil {
				return err
			}
			a.deleteLarger(line, k, n, restore)
		default:
			a.say(line, k, Unsupported, getmailWhy[k])
		}
	}
	return nil
}
