package config

import (
	"maps"
	"net"
	"strconv"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// Gmail is a mailbox at Gmail that takes messages by Google's own interface.
type Gmail struct {
	Address string // "host:port"; another one than Google's is for networks that have a door of their own to it, and for tests
	Trust

	Network Network // how connections leave this machine, with what the account says for it

	Username string       // whose mailbox it is
	Secret   SecretSource // SecretOAuth

	Labels     []string
	NeverSpam  bool
	DateSource string // DateHeader or DateReceived
}

const (
	typeGmail = "gmail"
	gmailPort = 443

	// DateHeader sorts messages by their field Date.
	DateHeader = "header"
	// DateReceived sorts them by when Gmail got them.
	DateReceived = "received"

	gmailLanes = 2
)

// gmailType is a mailbox at Gmail.
func gmailType() deliverType {
	return deliverType{
		name:   typeGmail,
		remote: true,
		bare:   true,
		keys: func(c *checker, said string, d *Deliver) (keys, finish) {
			s := Gmail{DateSource: DateHeader, Labels: []string{"INBOX", "UNREAD"}}
			if said == typeGmail {
				d.Connections = gmailLanes
			}
			var end endpoint
			var from source
			known := keys{
				"address":     end.convert(said),
				"username":    text(&s.Username, checkUsername),
				"oauth":       sourceKeys(c.env, &from, "")[string(SecretOAuth)],
				"labels":      labels(&s.Labels),
				"never_spam":  boolean(&s.NeverSpam),
				"date_source": oneOf(&s.DateSource, DateHeader, DateReceived),
			}
			maps.Copy(known, s.Trust.keys(c.env))
			maps.Copy(known, networkKeys(c.env, &s.Network))
			return known, func(at document.Path, account string, m map[string]any, before int) {
				if _, ok := m["username"]; !ok {
					c.add(at.Key("username"), "missing", "the address of the mailbox that the mail goes to")
				}
				if end.host == "" {
					end.host = "gmail.googleapis.com"
				}
				if end.port == 0 {
					end.port = gmailPort
				}
				s.Address = net.JoinHostPort(end.host, strconv.Itoa(end.port))
				c.network(at, m, &s.Network, end.host)
				s.Trust.finish(&c.report, at, m)
				if from.oauth == "" {
					c.add(at.Key("oauth"), "missing", `Gmail's interface wants a login by OAuth: write [oauth.google] and oauth = "google"; docs/gmail.md tells how. With an app password, type = "imap" and address = "imap.gmail.com"`)
				} else {
					s.Secret = SecretSource{Kind: SecretOAuth, OAuth: from.oauth}
				}
				d.Gmail = &s
			}
		},
		place: func(d *Deliver) (key, what, place string) {
			s := d.Gmail
			if s == nil || s.Username == "" {
				return "", "", ""
			}
			return "username", "this mailbox at Gmail", strings.ToLower(s.Username)
		},
		network: func(d *Deliver) (n *Network, local bool) {
			if d.Gmail == nil {
				return nil, false
			}
			host, _, _ := net.SplitHostPort(d.Gmail.Address)
			return &d.Gmail.Network, loopback(host)
		},
		odd: func(d *Deliver, add func(Oddity), of func(key string) Oddity) {
			s := d.Gmail
			oddText(add, of("username"), s.Username)
			for _, name := range s.Labels {
				oddText(add, of("labels"), name)
			}
			s.Trust.odd(add, of, TLSImplicit)
			s.Network.oddities(add, of)
		},
	}
}

// labels accepts a list of labels' names; an empty one too.
func labels(dst *[]string) convert {
	check := someOf(dst, 100, `write a list of names: ["INBOX", "UNREAD"]`, checkLabel)
	return func(v any) *fault {
		if list, ok := v.([]any); ok && len(list) == 0 {
			*dst = nil
			return nil
		}
		return check(v)
	}
}

// checkLabel refuses what no label of Gmail can be called, or that would hide mail or make it a draft.
func checkLabel(s string) *fault {
	switch upper := strings.ToUpper(s); {
	case s == "":
		return &fault{text: "must not be empty"}
	case len(s) > 225:
		return &fault{text: "is too long for a label", hint: "at most 225 octets"}
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &fault{text: "holds a control character", hint: "choose another name"}
	case upper == "DRAFT" || upper == "CHAT":
		return &fault{text: document.Shown(s) + " is no label that mail can get", hint: `such as "INBOX", "UNREAD" or "Imported"`}
	case upper == "TRASH":
		return &fault{text: "TRASH would have Gmail delete the mail after 30 days", hint: `such as "INBOX", "UNREAD" or "Imported"`}
	}
	return nil
}

// isThatOf tells whether messages arrive in the mailbox that POP3 shows of a user of a host.
func (g *Gmail) isThatOf(host, username string) bool {
	return isGmail(strings.ToLower(strings.TrimSuffix(host, "."))) && username != "" && gmailUser(username) == gmailUser(g.Username)
}
