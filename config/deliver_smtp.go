package config

import (
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// SMTP is a mail server that takes messages by SMTP (RFC 5321) or LMTP (RFC 2033).
type SMTP struct {
	Address string // "host:port", an IPv6 address in brackets; or, for lmtp only, "unix:/absolute/path"
	TLS     TLS    // TLSNone for a unix socket
	Trust
	Insecure bool   // the person accepts TLSNone to a host that is not this machine
	Helo     string // how this machine calls itself, a domain; "": what the machine is called

	Username string       // "": no login
	Secret   SecretSource // where its password is found; never SecretPrompt; zero without a username
	Auth     Auth         // all but AuthUser and AuthAPOP; of no meaning without a username

	Network Network // how connections leave this machine, with what the account says for it

	From string // the envelope's sender: "original" (of the message), "null" (<>), or an address

	// To has the recipients, at most 100; or else it is empty and the message names them, in the field EnvelopeHeader.
	// EnvelopeSkip fields of that name are passed over from the top; of the others all addresses count, without
	// EnvelopePrefix where they begin with it, that are in one of AllowDomains.
	To             []string
	EnvelopeHeader string
	EnvelopeSkip   int
	EnvelopePrefix string // "": none
	AllowDomains   []string

	MessagesPerConnection int  // then a new connection is made; at least 1
	AddMessageID          bool // messages without a Message-ID get one

	BareCR    string // what becomes of a CR without LF: "crlf", or "refuse" for messages with one
	LongLines string // lines over 998 octets (RFC 5322, section 2.1.1): "send" or "refuse"
	NUL       string // octets of 0: "send" or "refuse"
}

// The types of mail servers.
const (
	typeSMTP = "smtp"
	typeLMTP = "lmtp"
)

// smtpType is a mail server that takes messages for anybody.
func smtpType() deliverType { return mailServerType(typeSMTP) }

// lmtpType is one that takes them for mailboxes of its own, and may listen on a unix socket.
func lmtpType() deliverType { return mailServerType(typeLMTP) }

func mailServerType(name string) deliverType {
	return deliverType{
		name:   name,
		remote: true,
		keys: func(c *checker, said string, d *Deliver) (keys, finish) {
			s := &smtpDraft{SMTP: SMTP{Auth: AuthAuto, From: "original", MessagesPerConnection: 100, BareCR: "crlf", LongLines: "send", NUL: "send"}}
			return c.smtpKeys(said, s), func(at document.Path, account string, m map[string]any, before int) {
				c.finishSMTP(at, m, d.Type, s, before)
				s.Secret = c.login(at, m, s.source, s.Auth, deliverCredentials(account, d.Name))
				d.SMTP = &s.SMTP
			}
		},
		place:   (*Deliver).smtpPlace,
		network: (*Deliver).smtpNetwork,
		odd: func(d *Deliver, add func(Oddity), of func(key string) Oddity) {
			d.SMTP.oddities(add, of, d.Type)
		},
	}
}

// smtpDraft is a mail server in the making, with what only the checks need.
type smtpDraft struct {
	SMTP
	endpoint endpoint
	source   source
}

// smtpKeys gives the keys of smtp and lmtp; said decides what an address may be.
func (c *checker) smtpKeys(said string, s *smtpDraft) keys {
	known := keys{
		"address":            s.endpoint.convert(said),
		"tls":                oneOf(&s.TLS, string(TLSImplicit), string(TLSStartTLS), string(TLSNone)),
		"insecure_plaintext": boolean(&s.Insecure),
		"helo":               text(&s.Helo, checkHelo),
		"username":           text(&s.Username, checkUsername),
		"auth":               oneOf(&s.Auth, deliverAuths...),

		"from":            text(&s.From, checkSender),
		"to":              someOf(&s.To, 100, `write a list of addresses: ["me@example.org"]`, checkMailbox),
		"envelope_header": text(&s.EnvelopeHeader, checkField),
		"envelope_skip":   integer(&s.EnvelopeSkip, 0, math.MaxInt32),
		"envelope_prefix": text(&s.EnvelopePrefix, checkPrefix),
		"allow_domains":   someOf(&s.AllowDomains, 10_000, `write a list of domains: ["example.org"]`, checkDomain),

		"messages_per_connection": integer(&s.MessagesPerConnection, 1, 10_000),
		"add_message_id":          boolean(&s.AddMessageID),
		"bare_cr":                 oneOf(&s.BareCR, "crlf", "refuse"),
		"long_lines":              oneOf(&s.LongLines, "send", "refuse"),
		"nul":                     oneOf(&s.NUL, "send", "refuse"),
	}
	maps.Copy(known, s.Trust.keys(c.env))
	maps.Copy(known, sourceKeys(c.env, &s.source, ""))
	maps.Copy(known, networkKeys(c.env, &s.Network))
	return known
}

// finishSMTP fills in what depends on several keys and checks their rules, the login's excepted: see finish.
func (c *checker) finishSMTP(at document.Path, m map[string]any, name string, s *smtpDraft, before int) {
	e := s.endpoint
	if _, ok := m["address"]; !ok {
		hint := `such as "mail.example.org:587"`
		if name == typeLMTP {
			hint = `such as "unix:/run/dovecot/lmtp" or "localhost:24"`
		}
		c.add(at.Key("address"), "missing", hint)
	}
	if _, ok := m["tls"]; !ok {
		s.TLS = TLSStartTLS
		if name == typeLMTP && (e.path != "" || loopback(e.host)) {
			s.TLS = TLSNone
		}
	}
	if e.path != "" && s.TLS != TLSNone && !c.concerns(before, at.Key("tls")) {
		c.add(at.Key("tls"), "is not for a unix socket", `leave it out, or write tls = "none"`)
	}
	if s.TLS == TLSNone && !s.Insecure {
		what := "the mail"
		if s.Username != "" {
			what = "the password"
		}
		c.plaintext(at, what, e.host, s.Network.elsewhere(), before)
	}
	c.network(at, m, &s.Network, e.host)
	if e.path != "" {
		for _, k := range []string{"proxy", "source_address", "address_family", "connect_command"} {
			if _, ok := m[k]; ok {
				c.add(at.Key(k), "is not for a unix socket", "leave it out")
			}
		}
	}
	s.Trust.finish(&c.report, at, m)
	s.Address = e.address(s.TLS)
	c.recipients(at, m)
}

// recipients checks that they come from one source.
func (r *report) recipients(at document.Path, m map[string]any) {
	_, fixed := m["to"]
	_, header := m["envelope_header"]
	switch {
	case fixed && header:
		r.add(at.Key("envelope_header"), "the recipients stand in to already", "keep one of the two")
	case !fixed && !header:
		r.add(at.Key("to"), "missing", `the recipients, such as ["me@example.org"], or envelope_header`)
	}
	_, domains := m["allow_domains"]
	if header && !domains {
		r.add(at.Key("allow_domains"), "missing", "the domains whose recipients envelope_header may name")
	}
	for _, k := range []string{"allow_domains", "envelope_skip", "envelope_prefix"} {
		if _, ok := m[k]; ok && !header {
			r.add(at.Key(k), "is of no use without envelope_header", "")
		}
	}
}

// login checks username and secret, which come together: nobody is asked on a terminal for the password of a relay.
func (c *checker) login(at document.Path, m map[string]any, s source, auth Auth, credentials []string) SecretSource {
	if _, ok := m["username"]; !ok {
		for _, k := range given(m) {
			c.add(at.Key(k), "is of no use without username", "")
		}
		return SecretSource{}
	}
	found := c.certified(at, m, auth, c.secret(at, m, s, credentials...))
	if found.Kind == "" && len(given(m)) == 0 && auth != AuthExternal {
		hint := "add password_command, password_file, password or oauth"
		if len(credentials) > 0 {
			hint += ", or the systemd credential " + credentials[0]
		}
		c.add(at.Key("username"), "a login without a password", hint)
	}
	return found
}

// smtpNetwork is how it is reached, and whether it is on this machine.
func (d *Deliver) smtpNetwork() (n *Network, local bool) {
	if d.SMTP == nil {
		return nil, false
	}
	host, _, _ := net.SplitHostPort(d.SMTP.Address)
	return &d.SMTP.Network, strings.HasPrefix(d.SMTP.Address, unixPrefix) || loopback(host)
}

func (d *Deliver) smtpPlace() (key, what, place string) {
	s := d.SMTP
	to := slices.Clone(s.To)
	for i := range to {
		to[i] = canonical(to[i])
	}
	slices.Sort(to)
	if s.EnvelopeHeader != "" {
		to = []string{strings.ToLower(s.EnvelopeHeader), strconv.Itoa(s.EnvelopeSkip)}
		if s.EnvelopePrefix != "" {
			to = append(to, strings.ToLower(s.EnvelopePrefix))
		}
	}
	if s.Address == "" || len(to) == 0 {
		return "", "", ""
	}
	address := s.Address
	if !strings.HasPrefix(address, unixPrefix) {
		address = strings.ToLower(address)
	}
	return "address", "this address with these recipients", strings.Join(append(to, address), "\x00")
}

// oddities looks for what is hardly meant.
func (s *SMTP) oddities(add func(Oddity), of func(key string) Oddity, kind string) {
	oddText(add, of("username"), s.Username)
	oddText(add, of("from"), s.From)
	for i, to := range s.To {
		o := of("to")
		o.Key = o.Key.Index(i)
		oddText(add, o, to)
	}
	s.Trust.odd(add, of, s.TLS)
	if !strings.HasPrefix(s.Address, unixPrefix) && s.Username != "" { // there the system tells who connects
		s.Trust.oddExternal(add, of, s.Auth, s.Network)
	}
	oddPath(add, of("address"), s.Address)
	oddSource(add, of, s.Secret)
	s.Network.oddities(add, of)
	if port := portOf(s.Address); port != 0 && kind == typeSMTP {
		oddPort(add, of("tls"), smtpPorts, port, s.TLS)
	}
	if s.Username != "" && s.From == "original" {
		o := of("from")
		o.Text = "not set, so each message is sent with the sender that it has itself; most servers that want a login refuse senders other than their own (550, 553)"
		o.Next = `set from to an address that this login may send as, such as from = "me@example.org"`
		add(o)
	}
}
