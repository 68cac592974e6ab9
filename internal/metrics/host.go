package metrics

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ownHost lets only those requests through that name this machine as their host. A web page whose name was made to point to
// 127.0.0.1 has a browser ask for the figures under that name, and could read them (DNS rebinding). A misdirected request gets 421
// (RFC 9110, section 15.5.20).
func ownHost(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isOwnHost(r.Host) {
			http.Error(w, "only localhost and addresses of this machine are answered here", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// isOwnHost tells whether a Host header (RFC 9110, section 7.2) names this machine: localhost or a loopback address, which is all
// that CheckListen allows, with or without a port.
func isOwnHost(host string) bool {
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if name = h; strings.Trim(port, "0123456789") != "" {
			return false
		}
	} else if strings.HasPrefix(name, "[") {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	}
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}
