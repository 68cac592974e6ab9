package trust

import (
	"crypto/tls"
	"net"
)

// Level is how far a secret may be trusted to a connection.
type Level string

// The levels, the weakest first.
const (
	None     Level = "none"     // nothing is encrypted
	Legacy   Level = "legacy"   // others may break what encrypts it: see Weakness
	Pinned   Level = "pinned"   // the server has a key of Options.Pins
	Verified Level = "verified" // the server's certificate was verified
)

// LevelOf judges a connection of Client or of crypto/tls whose handshake is done; any other one is None.
func LevelOf(conn net.Conn) Level {
	secured, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return None
	}
	return levelOf(secured.ConnectionState())
}

func levelOf(s tls.ConnectionState) Level {
	switch {
	case !s.HandshakeComplete:
		return None
	case Weakness(s) != "":
		return Legacy
	case unverified(s):
		return Pinned
	}
	return Verified
}
