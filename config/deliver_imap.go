package config

import (
	"maps"
	"net"
	"strconv"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// IMAP is a folder of a mailbox elsewhere that takes messages by IMAP (RFC 9051).
type IMAP struct {
	Address string // "host:port", an IPv6 address in brackets
	TLS     TLS
	Trust
	Insecure bool // the person accepts TLSNone to a host that is not this machine

	Network Network // how connections leave this machine, with what the account says for it

	Username string
	Secret   SecretSource // where its password is found; never SecretPrompt
	Auth     Auth         // AuthLogin: the command LOGIN, and the mechanism where that is switched off

	Folder string // with "/" between the names of folders in folders
	Create bool   // it is made where it is missing
	Seen   bool   // messages arrive as read

	InFlight int // messages without an answer on one connection; 0: as many as fit into 1 MiB
}

const (
	typeIMAP  = "imap"
	imapInbox = "INBOX"
)

// imapPorts are those of IMAP (RFC 8314, section 7.1; RFC 9051, section 2.1).
var imapPorts = map[TLS]int{TLSImplicit: 993, TLSStartTLS: 143, TLSNone: 143}

// imapType is a folder of a mailbox elsewhere.
func imapType() deliverType {
	return deliverType{
		name:   typeIMAP,
		remote: true,
		bare:   true,
		keys: func(c *checker, said string, d *Deliver) (keys, finish) {
			s := IMAP{TLS: TLSImplicit, Auth: AuthAuto, Folder: imapInbox}
			var end endpoint
			var from source
			known := keys{
				"address":            end.convert(said),
				"tls":                oneOf(&s.TLS, string(TLSImplicit), string(TLSStartTLS), string(TLSNone)),
				"insecure_plaintext": boolean(&s.Insecure),
				"username":           text(&s.Username, checkUsername),
				"auth":               oneOf(&s.Auth, deliverAuths...),
				"folder":             text(&s.Folder, checkMailboxName),
				"create":             boolean(&s.Create),
				"seen":               boolean(&s.Seen),
				"in_flight":          integer(&s.InFlight, 0, 1000),
			}
			maps.Copy(known, s.Trust.keys(c.env))
			maps.Copy(known, sourceKeys(c.env, &from, ""))
			maps.Copy(known, networkKeys(c.env, &s.Network))
			return known, func(at document.Path, account string, m map[string]any, before int) {
				if _, ok := m["address"]; !ok {
					c.add(at.Key("address"), "missing", `such as "imap.example.org:993"`)
				}
				if _, ok := m["username"]; !ok {
					c.add(at.Key("username"), "missing", "the login of the mailbox that the mail goes to")
				}
				if s.TLS == TLSNone && !s.Insecure {
					c.plaintext(at, "the password", end.host, s.Network.elsewhere(), before)
				}
				c.network(at, m, &s.Network, end.host)
				s.Trust.finish(&c.report, at, m)
				if end.port == 0 {
					end.port = imapPorts[s.TLS]
				}
				if end.host != "" && end.port != 0 {
					s.Address = net.JoinHostPort(end.host, strconv.Itoa(end.port))
				}
				if _, ok := m["username"]; ok {
					s.Secret = c.login(at, m, from, s.Auth, deliverCredentials(account, d.Name))
				}
				d.IMAP = &s
			}
		},
		place: func(d *Deliver) (key, what, place string) {
			s := d.IMAP
			if s.Address == "" || s.Username == "" {
				return "", "", ""
			}
			folder := s.Folder
			if strings.EqualFold(folder, imapInbox) {
				folder = imapInbox
			}
			return "folder", "this folder of this mailbox", strings.Join([]string{strings.ToLower(s.Address), s.Username, folder}, "\x00")
		},
		network: func(d *Deliver) (n *Network, local bool) {
			if d.IMAP == nil {
				return nil, false
			}
			host, _, _ := net.SplitHostPort(d.IMAP.Address)
			return &d.IMAP.Network, loopback(host)
		},
		odd: func(d *Deliver, add func(Oddity), of func(key string) Oddity) {
			s := d.IMAP
			oddText(add, of("username"), s.Username)
			oddText(add, of("folder"), s.Folder)
			s.Trust.odd(add, of, s.TLS)
			s.Trust.oddExternal(add, of, s.Auth, s.Network)
			oddSource(add, of, s.Secret)
			s.Network.oddities(add, of)
			if port := portOf(s.Address); port != 0 {
				oddPort(add, of("tls"), imapKnownPorts, port, s.TLS)
			}
		},
	}
}

// checkMailboxName refuses names of folders that no server can have.
func checkMailboxName(s string) *fault {
	switch {
	case s == "":
		return &fault{text: "must not be empty", hint: `"INBOX" is where mail arrives`}
	case strings.ContainsAny(s, "*%"):
		return &fault{text: "holds * or %, which stand for any name", hint: "choose another name"}
	case len(s) > 500:
		return &fault{text: "is too long", hint: "at most 500 octets"}
	case s[0] == '/' || s[len(s)-1] == '/' || strings.Contains(s, "//"):
		return &fault{text: "begins or ends with /, or has two of them in a row", hint: `write "Archive/2026" for a folder in a folder`}
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &fault{text: "holds a control character", hint: "choose another name"}
	}
	return nil
}

// isThatOf tells whether messages arrive in the mailbox that POP3 shows of a user of a host: in the INBOX of the same user, at the same
// server or at another name of its domain, as pop.example.org and imap.example.org.
func (m *IMAP) isThatOf(host, username string) bool {
	if !strings.EqualFold(m.Folder, imapInbox) || username == "" {
		return false
	}
	other, _, err := net.SplitHostPort(m.Address)
	if err != nil {
		return false
	}
	host, other = strings.ToLower(strings.TrimSuffix(host, ".")), strings.ToLower(strings.TrimSuffix(other, "."))
	if isGmail(host) && isGmail(other) {
		return gmailUser(m.Username) == gmailUser(username)
	}
	if !strings.EqualFold(m.Username, username) {
		return false
	}
	if host == other {
		return host != ""
	}
	_, above, _ := strings.Cut(host, ".")
	_, besides, _ := strings.Cut(other, ".")
	return net.ParseIP(host) == nil && above == besides && strings.Contains(above, ".")
}

// isGmail tells whether a host is one of Gmail's, which has two domains.
func isGmail(host string) bool {
	_, domain, _ := strings.Cut(host, ".")
	return domain == "gmail.com" || domain == "googlemail.com"
}

// gmailUser is whose mailbox a user name of Gmail opens: recent: is a mode of its POP3, dots do not count, and its own domains may be left out.
func gmailUser(name string) string {
	name = strings.TrimPrefix(strings.ToLower(name), "recent:")
	user, domain, _ := strings.Cut(name, "@")
	if domain == "" || domain == "gmail.com" || domain == "googlemail.com" {
		return strings.ReplaceAll(user, ".", "")
	}
	return name
}
