package imports

import (
	"strconv"
	"strings"
)

// fetchmailDeliver adds where a user's mail goes: to a program, or to a server by SMTP or LMTP.
func (f *file) fetchmailDeliver(a *Account, s *fmServer, u *fmOptions) {
	var to []string
	everybody := false
	for _, name := range u.value["is"] {
		if name == "*" {
			everybody = true
			continue
		}
		if _, here, mapped := strings.Cut(name, "="); mapped {
			name = here
		}
		to = append(to, name)
	}
	many := everybody || len(to) > 1
	switch {
	case u.has("mda") && !u.off["mda"]:
		local := ""
		if len(to) == 1 {
			local = to[0]
		}
		if local == "" && strings.Contains(u.get("mda"), "%T") {
			a.say(u.line["mda"], "mda", Decide, "write the command yourself: %T stands for a local name that the file does not give")
			return
		}
		f.command(a, u.line["mda"], "mda", u.get("mda"), map[string]string{"%F": "{sender}", "%T": local})
		return
	case u.has("bsmtp"):
		a.say(u.line["bsmtp"], "bsmtp", Decide, "popsync does not write batched SMTP: choose another destination")
		return
	}
	kind := "smtp"
	if u.on("lmtp", false) {
		kind = "lmtp"
	}
	d := Destination{Settings: Settings{{"type", kind}}}
	fetchmailServer(a, s, u, kind, &d)
	domain := u.get("smtpaddress")
	if domain == "" {
		domain = "localhost"
	}
	for i, name := range to {
		if !strings.Contains(name, "@") {
			to[i] = name + "@" + domain
		}
	}
	if u.get("smtpname") != "" {
		to = []string{u.get("smtpname")}
	}
	switch envelope := s.options.value["envelope"]; {
	case many && len(envelope) > 0:
		header, skip := envelope[len(envelope)-1], 0
		if len(envelope) == 2 {
			skip, _ = strconv.Atoi(envelope[0])
		}
		d.Settings.Set("envelope_header", header)
		if skip > 0 {
			d.Settings.Set("envelope_skip", skip)
		}
		if domains := s.options.value["localdomains"]; len(domains) > 0 {
			d.Settings.Set("allow_domains", domains)
		} else {
			a.say(s.options.line["envelope"], "envelope", Decide, `write which domains are yours: allow_domains = ["example.org"]`)
		}
		if v := s.options.get("qvirtual"); v != "" {
			d.Settings.Set("envelope_prefix", v)
			fmDone(a, s.options, "qvirtual")
		}
		fmDone(a, s.options, "envelope")
		if everybody || strings.Contains(strings.Join(u.value["is"], " "), "=") {
			a.say(u.line["is"], "is", Changed, "addresses are taken as they are, not changed to local names")
		}
	case many:
		a.say(u.line["is"], "is", Decide, "fetchmail guesses who a message is for; popsync does not: name the header field that says it, as envelope_header")
	case len(to) == 0:
		a.say(s.line, "is", Decide, `write the recipient: to = ["you@localhost"]`)
	default:
		d.Settings.Set("to", to)
		fmDone(a, u, "is")
	}
	a.Deliver = append(a.Deliver, d)
}

// fetchmailServer says which server takes the mail: HOST, HOST/PORT, or the path of a socket.
func fetchmailServer(a *Account, s *fmServer, u *fmOptions, kind string, d *Destination) {
	hosts := u.value["smtphost"]
	if len(hosts) == 0 {
		hosts = []string{"localhost"}
	}
	host, rest, _ := strings.Cut(hosts[0], "/")
	port, tls := "", "none"
	for part := range strings.SplitSeq(rest, "/") {
		switch {
		case number(part):
			port = part
		case part == "tls":
			tls = "implicit"
		case part == "starttls":
			tls = "starttls"
		}
	}
	if port == "" {
		port = map[string]string{"smtp": "25", "lmtp": "24"}[kind]
	}
	address := host + ":" + port
	if strings.HasPrefix(hosts[0], "/") {
		address = "unix:" + hosts[0]
		d.Settings.Set("type", "lmtp")
	} else if tls != "none" || host == "localhost" || host == "127.0.0.1" {
		d.Settings.Set("tls", tls)
	} else {
		a.say(u.line["smtphost"], "smtphost", Changed, "STARTTLS is required, which fetchmail did not ask for")
	}
	d.Settings.Set("address", address)
	if name := s.options.get("esmtpname"); name != "" {
		d.Settings.Set("username", name)
		if d.Secret = s.options.get("esmtppassword"); d.Settings.Get("tls") == "none" {
			a.say(s.options.line["esmtpname"], "esmtpname", Decide, `the password went to this server in clear text: write tls = "starttls" or "implicit" in its table`)
		}
	}
	switch {
	case len(hosts) > 1:
		a.say(u.line["smtphost"], "smtphost", Changed, "only the first server is used: "+quoted(hosts[0]))
	case u.has("smtphost"):
		fmDone(a, u, "smtphost")
	}
}

// fmServerDone and fmUserDone are options about which something was said already, or that need no word.
var fmServerDone = map[string]bool{"via": true, "proto": true, "service": true, "interval": true, "envelope": true, "qvirtual": true,
	"localdomains": true, "uidl": true, "auth": true, "esmtpname": true, "esmtppassword": true}

var fmUserDone = map[string]bool{"user": true, "password": true, "keep": true, "ssl": true, "sslcertck": true, "limit": true,
	"fetchlimit": true, "is": true, "mda": true, "bsmtp": true, "lmtp": true, "smtphost": true, "smtpname": true, "smtpaddress": true}

// fetchmailRest says something about each option that is not translated, unless it is off.
func (f *file) fetchmailRest(a *Account, o *fmOptions, done map[string]bool) {
	for _, k := range o.keys {
		switch {
		case o.off[k] && !done[k]:
			a.done(o.line[k], k)
		case done[k]:
			if !a.said(o.line[k], k) {
				a.done(o.line[k], k)
			}
		case k == "timeout":
			a.say(o.line[k], k, Changed, ownTimeout)
		case k == "sslproto":
			if o.get(k) != "" || !a.said(o.line[k], k) {
				a.say(o.line[k], k, Changed, "TLS 1.2 or later is always used")
			}
		case k == "sslcertfile":
			f.caFile(a, o.line[k], k, o.get(k))
		case k == "sslcert":
			f.file(a, o.line[k], k, "tls_client_cert", o.get(k))
		case k == "sslkey":
			f.file(a, o.line[k], k, "tls_client_key", o.get(k))
		case k == "sslcommonname":
			a.set("tls_server_name", o.get(k))
			a.done(o.line[k], k)
		case k == "flush" || k == "limitflush" || k == "plugin" || k == "plugout" || k == "preconnect" || k == "postconnect" ||
			k == "interface" || k == "properties" && o.get(k) != "":
			a.say(o.line[k], k, Decide, fmWhy[k])
		default:
			a.say(o.line[k], k, Unsupported, fmWhy[k])
		}
	}
}

var fmWhy = map[string]string{
	"flush":          "popsync deletes nothing that it did not deliver",
	"limitflush":     "popsync deletes nothing that it did not deliver",
	"fetchall":       "popsync never fetches a message twice",
	"plugin":         "see connect_command in config.example.toml",
	"plugout":        "popsync connects to the destination itself",
	"preconnect":     "popsync runs nothing before it connects: let the schedule of your own do it",
	"postconnect":    "popsync runs nothing after it fetched",
	"interface":      "popsync does not look at interfaces",
	"properties":     "popsync does not know what it is for",
	"sslfingerprint": "see what popsync check says of this server",
	"rewrite":        "popsync changes no header",
	"mimedecode":     "popsync changes no message",
	"antispam":       "what is refused goes to the fallback; see config.example.toml",
	"expunge":        "see session_messages in config.example.toml",
}
