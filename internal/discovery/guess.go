package discovery

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
)

// guess tries the usual names at port 995. A server is taken only if it proves its name by a certificate, and greets as POP3 does (RFC
// 1939, section 4).
func (f Finder) guess(ctx context.Context, a Address) (Found, []Miss, bool) {
	var ask []attempt
	for _, prefix := range []string{"pop.", "pop3.", "mail.", ""} {
		host := prefix + a.Domain
		ask = append(ask, attempt{"a guess: " + host, func(ctx context.Context) (Found, error) {
			if err := f.greets(ctx, host); err != nil {
				return Found{}, err
			}
			return Found{Source: FromGuess, Where: "a guess that answers with a certificate of this name", Host: host, Port: 995,
				Usernames: a.usernames(""), Doubts: []string{"it is a guess"}}, nil
		}})
	}
	return first(ctx, ask)
}

func (f Finder) greets(ctx context.Context, host string) error {
	if _, err := f.Resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return err
	}
	conn, err := f.Dial(ctx, "tcp", net.JoinHostPort(host, "995"))
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.TLS != nil {
		cfg = f.TLS.Clone()
	}
	cfg.ServerName = host
	secured := tls.Client(conn, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(secured, 512)).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "+OK") {
		return errors.New("what answers there is no POP3 server")
	}
	_, _ = io.WriteString(secured, "QUIT\r\n")
	return nil
}
