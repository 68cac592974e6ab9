package dialer

import (
	"net"
	"net/netip"
	"strings"
)

// spared tells whether an address, "host:port", goes past the proxy of the environment, by what NO_PROXY lists between commas: names,
// which stand for all below them too, addresses, networks such as 10.0.0.0/8, each with a port if it is meant for that alone, or "*"
// for everything. This machine never goes through it. Nothing is looked up: a name is in no network.
func spared(list, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	if err == nil && ip.IsLoopback() || host == "localhost" {
		return true
	}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "*" {
			return true
		}
		if network, err := netip.ParsePrefix(entry); err == nil {
			if ip.IsValid() && network.Contains(ip) {
				return true
			}
			continue
		}
		if h, p, err := net.SplitHostPort(entry); err == nil {
			if p != port {
				continue
			}
			entry = h
		}
		if a, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
			if a.Unmap() == ip {
				return true
			}
			continue
		}
		name := strings.Trim(strings.TrimPrefix(entry, "*"), ".")
		if name != "" && !ip.IsValid() && (host == name || strings.HasSuffix(host, "."+name)) {
			return true
		}
	}
	return false
}
