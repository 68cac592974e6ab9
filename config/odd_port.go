package config

import "fmt"

// These are registered ports on which TLS begins at a known time: from the first octet (RFC 8314, sections
// 3.2 and 3.3), or after a command, if at all.
var (
	pop3Ports = map[int]bool{995: true, 110: false}
	smtpPorts = map[int]bool{465: true, 587: false, 25: false}

	imapKnownPorts = map[int]bool{993: true, 143: false}
)

// oddPort compares a port that is known with when TLS is said to begin. Servers on other ports, and odd ones on these, are left
// to whoever connects.
func oddPort(add func(Oddity), o Oddity, ports map[int]bool, port int, tls TLS) {
	atOnce, known := ports[port]
	switch {
	case !known:
	case atOnce && tls != TLSImplicit:
		o.Text = fmt.Sprintf("%q on port %d: there TLS begins at once", tls, port)
		o.Next = fmt.Sprintf(`set tls = "implicit", or the port to %s`, plainPort(ports))
		add(o)
	case !atOnce && tls == TLSImplicit:
		o.Text = fmt.Sprintf("%q on port %d: there the server greets without TLS", tls, port)
		o.Next = fmt.Sprintf(`set tls = "starttls", or the port to %d`, tlsPort(ports))
		add(o)
	}
}

func tlsPort(ports map[int]bool) int {
	for port, atOnce := range ports {
		if atOnce {
			return port
		}
	}
	return 0
}

func plainPort(ports map[int]bool) string {
	if _, mail := ports[587]; mail {
		return "587"
	}
	if _, imap := ports[143]; imap {
		return "143"
	}
	return "110"
}
