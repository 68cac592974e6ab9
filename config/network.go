package config

import (
	"net/netip"
	"net/url"

	"github.com/popsync/popsync/config/document"
)

// Network is how the connections of an account or a destination leave this machine. The zero value: at once, as the system
// chooses.
type Network struct {
	Proxy         string       // "": not said; "none", "env", or a URL with kind, host and perhaps user, never with a password
	ProxyPassword SecretSource // SecretFile, or zero: none
	SourceAddress string       // an address of this machine; "": the system chooses
	AddressFamily Family       // which addresses are used of this machine's look-ups

	ConnectCommand []string // the program whose input and output are the mail connection, and its arguments; no shell; nil: none
	OAuthDirect    bool     // with ConnectCommand: requests for tokens leave at once, although the mail does not
}

// Family is a kind of addresses.
type Family string

// The kinds of addresses.
const (
	FamilyAny  Family = "" // written "any"
	FamilyIPv4 Family = "ipv4"
	FamilyIPv6 Family = "ipv6"
)

// ProxyNone goes at once, where the account has a proxy.
const ProxyNone = "none"

// proxyEnv is the proxy that ALL_PROXY names.
const proxyEnv = "env"

const connectExample = `["ssh", "mail.example.org", "nc", "localhost", "110"]`

// connectPlaceholders are what the arguments of connect_command get filled in.
var connectPlaceholders = []string{"{host}", "{port}"}

// networkKeys gives the keys of a Network.
func networkKeys(env Env, n *Network) keys {
	return keys{
		"proxy": text(&n.Proxy, checkProxy),
		"proxy_password_file": func(v any) *fault {
			var file string
			if v == "" {
				n.ProxyPassword = SecretSource{}
				return nil
			}
			f := env.secretPath(&file)(v)
			if f == nil {
				n.ProxyPassword = SecretSource{Kind: SecretFile, File: file}
			}
			return f
		},
		"source_address":  text(&n.SourceAddress, checkSource),
		"address_family":  family(&n.AddressFamily),
		"connect_command": connectCommand(env, &n.ConnectCommand),
		"oauth_direct":    boolean(&n.OAuthDirect),
	}
}

// proxied tells whether connections to any host go through a proxy: one of the environment leaves this machine's names alone.
func (n *Network) proxied() bool { return n.Proxy != "" && n.Proxy != ProxyNone && n.Proxy != proxyEnv }

// elsewhere names the key by which a connection to this machine's own name ends somewhere else; "": there is none.
func (n *Network) elsewhere() string {
	switch {
	case len(n.ConnectCommand) > 0:
		return "connect_command"
	case n.proxied():
		return "proxy"
	}
	return ""
}

// inherit takes from the network of an account what a destination does not say itself, but for the command: that carries the
// account's mail. What is on this machine is reached at once.
func (n *Network) inherit(from Network, local bool) {
	if local {
		return
	}
	if n.Proxy == "" && len(n.ConnectCommand) == 0 {
		n.Proxy, n.ProxyPassword = from.Proxy, from.ProxyPassword
	}
	if n.SourceAddress == "" && n.AddressFamily == FamilyAny && len(n.ConnectCommand) == 0 {
		n.SourceAddress, n.AddressFamily = from.SourceAddress, from.AddressFamily
	}
}

// network checks the rules of a Network in the table m at a path, for a server by that host; "": it is not known.
func (c *checker) network(at document.Path, m map[string]any, n *Network, host string) {
	if n.ProxyPassword.Kind != "" && proxyUser(n.Proxy) == "" {
		c.add(at.Key("proxy_password_file"), "is of no use without a user in proxy", `write proxy = "socks5://USER@HOST:PORT"`)
	}
	if source, err := netip.ParseAddr(n.SourceAddress); err == nil {
		if kind := familyOf(source); n.AddressFamily != FamilyAny && n.AddressFamily != kind {
			c.add(at.Key("source_address"), "is no address of the kind that address_family says", "leave address_family out")
		}
		if n.AddressFamily == FamilyAny && len(n.ConnectCommand) == 0 {
			c.hostFits(at.Key("source_address"), n.first(host), familyOf(source))
		}
	}
	if n.AddressFamily != FamilyAny {
		c.hostFits(at.Key("address_family"), n.first(host), n.AddressFamily)
	}
	c.commandAlone(at, m, n)
}

// first is the host that this machine itself connects to: a server's, or the proxy's.
func (n *Network) first(host string) string {
	if !n.proxied() {
		return host
	}
	u, err := url.Parse(n.Proxy)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// hostFits reports a host that is an address of the other kind.
func (r *report) hostFits(key document.Path, host string, only Family) {
	if a, err := netip.ParseAddr(host); err == nil && familyOf(a) != only {
		r.add(key, "allows addresses of "+string(only)+" alone, and "+document.Shown(host)+" is none", "")
	}
}

// commandAlone: connect_command carries the mail. What else would say how it leaves has a meaning beside it only for the requests
// for tokens, and with these it must be said how they leave.
func (c *checker) commandAlone(at document.Path, m map[string]any, n *Network) {
	oauth := m["oauth"] != nil && m["oauth"] != ""
	command := len(n.ConnectCommand) > 0
	if n.OAuthDirect && !(oauth && command) {
		c.add(at.Key("oauth_direct"), "is of no use without oauth and connect_command", "")
	}
	if !command {
		return
	}
	if oauth {
		if (n.Proxy == "" || n.Proxy == ProxyNone) && !n.OAuthDirect {
			c.add(at.Key("connect_command"), "carries the mail only: requests for tokens would leave this machine another way",
				`write proxy = "..." for them; or oauth_direct = true if they may leave at once`)
		}
		return
	}
	for _, k := range []string{"proxy", "source_address", "address_family"} {
		if v, ok := m[k]; ok && v != "" && v != ProxyNone && v != "any" {
			c.add(at.Key(k), "does not go together with connect_command, which makes the connection", "keep one of the two")
		}
	}
}

// oddities looks for what is hardly meant.
func (n *Network) oddities(add func(Oddity), of func(key string) Oddity) {
	oddText(add, of("proxy"), n.Proxy)
	oddPath(add, of("proxy_password_file"), n.ProxyPassword.File)
	oddArguments(add, of("connect_command"), n.ConnectCommand, connectPlaceholders)
}

// isWay tells of the keys that say together by which way a connection leaves.
func isWay(key string) bool {
	return key == "proxy" || key == "proxy_password_file" || key == "connect_command" || key == "oauth_direct"
}

// saysWay tells whether a table says it.
func saysWay(m map[string]any) bool {
	_, proxy := m["proxy"]
	_, command := m["connect_command"]
	return proxy || command
}
