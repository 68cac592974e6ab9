package config

import (
	"net/netip"
	"net/url"
	"strings"
)

const proxyHint = `such as "socks5://127.0.0.1:9050" or "http://proxy.example.org:3128"; or "env", or "none"`

// checkProxy accepts a proxy. What may hold a password is not shown, nor kept: the address of a proxy is shown, in check and in errors.
func checkProxy(s string) *fault {
	if s == "" || s == ProxyNone || s == proxyEnv {
		return nil
	}
	scheme, _, ok := strings.Cut(s, "://")
	if !ok {
		return &fault{text: "says neither which kind of proxy it is, nor env or none", hint: proxyHint}
	}
	switch strings.ToLower(scheme) {
	case "socks5", "socks5h", "http", "https":
	case "socks4", "socks4a", "socks":
		return &fault{text: "is no kind of proxy that popsync speaks", hint: "write socks5://, if the proxy speaks it; most do"}
	default:
		return &fault{text: "is no kind of proxy that popsync speaks", hint: proxyHint}
	}
	u, err := url.Parse(s)
	if err != nil {
		return &fault{text: "is no address of a proxy", hint: proxyHint}
	}
	if _, secret := u.User.Password(); secret {
		return &fault{text: "has a password in it", hint: "write the user alone, and the password into a file of its own: proxy_password_file"}
	}
	if f := checkHost(u.Hostname()); f != nil {
		return &fault{text: "has no host that can be used", hint: proxyHint}
	}
	if port := u.Port(); port != "" {
		if _, f := parsePort(port); f != nil {
			return &fault{text: "has no port that can be used", hint: "1 to 65535"}
		}
	}
	user := u.User.Username()
	switch {
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return &fault{text: "has something behind host and port", hint: proxyHint}
	case u.User != nil && user == "", len(user) > 255, strings.ContainsAny(user, "\r\n\x00"),
		strings.Contains(user, ":") && strings.HasPrefix(strings.ToLower(scheme), "http"): // RFC 7617, section 2
		return &fault{text: "has a user that cannot be sent"}
	}
	return nil
}

// proxyUser is the user in the address of a proxy; "": there is none.
func proxyUser(proxy string) string {
	u, err := url.Parse(proxy)
	if err != nil {
		return ""
	}
	return u.User.Username()
}

// checkSource accepts an address.
func checkSource(s string) *fault {
	if s == "" {
		return nil
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return &fault{text: "is not an address", hint: `an address of this machine, such as "192.0.2.7"; 'ip address' shows them`}
	case a.IsUnspecified() || a.IsMulticast():
		return &fault{text: "is not the address of a machine", hint: "leave it out, and the system chooses"}
	}
	return nil
}

func familyOf(a netip.Addr) Family {
	if a.Unmap().Is4() {
		return FamilyIPv4
	}
	return FamilyIPv6
}

// family accepts a kind of addresses.
func family(dst *Family) convert {
	return func(v any) *fault {
		var word string
		if f := oneOf(&word, "any", string(FamilyIPv4), string(FamilyIPv6))(v); f != nil {
			return f
		}
		if *dst = Family(word); word == "any" {
			*dst = FamilyAny
		}
		return nil
	}
}

// connectCommand accepts a program and its arguments, or an empty list.
func connectCommand(env Env, dst *[]string) convert {
	check := env.argv(dst, connectExample, false)
	return func(v any) *fault {
		if list, ok := v.([]any); ok && len(list) == 0 {
			*dst = nil
			return nil
		}
		return check(v)
	}
}
