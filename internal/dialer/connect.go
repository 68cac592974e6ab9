package dialer

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/popsync/popsync/internal/foreign"
)

// maxHeader bounds what a proxy says before the connection begins, in octets.
const maxHeader = 16 << 10

// connect opens a tunnel by CONNECT (RFC 9110, section 9.3.6), to an https proxy in TLS. What the server says at once behind the
// proxy's answer is the connection's.
func (p *proxy) connect(ctx context.Context, conn net.Conn, target, secret string) (net.Conn, error) {
	defer bound(ctx, conn)()
	if p.scheme == "https" {
		host, _, _ := net.SplitHostPort(p.address)
		secure := tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, p.tlsFault(target, err)
		}
		conn = secure
	}
	request := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if p.user != "" {
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(p.user+":"+secret)) + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, p.fault(Unreachable, target, lost(err))
	}
	in := bufio.NewReader(conn)
	a, err := readAnswer(in)
	switch {
	case errors.Is(err, errNoAnswer):
		return nil, p.fault(NoProxy, target, err)
	case err != nil:
		return nil, p.fault(Unreachable, target, lost(err))
	case a.code/100 != 2:
		said := fmt.Errorf("%d %s", a.code, foreign.NewSecrets(p.user, secret).Show([]byte(a.reason), maxShown, false))
		return nil, p.fault(faultOf(a.code), target, said)
	}
	return &tunnel{conn, in}, nil
}

// faultOf is what a proxy's refusal means (RFC 9110, section 15). What is not known may pass.
func faultOf(code int) Fault {
	switch code {
	case 401, 407:
		return Login
	case 403:
		return Forbidden
	case 405, 501:
		return NoProxy
	}
	return Refused
}

// bound makes the end of ctx the end of all reads and writes, until release: then there is no deadline any more.
func bound(ctx context.Context, conn net.Conn) (release func()) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if stop() {
			_ = conn.SetDeadline(time.Time{})
		}
	}
}

// tunnel is a connection of which some was read ahead.
type tunnel struct {
	net.Conn
	ahead *bufio.Reader
}

// Read gives what was read ahead, then what comes.
func (t *tunnel) Read(b []byte) (int, error) {
	if n := t.ahead.Buffered(); n > 0 {
		return t.ahead.Read(b[:min(len(b), n)])
	}
	return t.Conn.Read(b)
}

// answer is how a proxy answers CONNECT.
type answer struct {
	code   int
	reason string
}

var errNoAnswer = errors.New("what it answers is no HTTP")

// readAnswer reads up to the empty line behind the header, and nothing beyond. Answers of 1xx are passed over (RFC 9110, section
// 15.2). Lines may end in a bare LF (RFC 9112, section 2.2).
func readAnswer(in *bufio.Reader) (a answer, err error) {
	left := maxHeader
	line := func() (string, error) {
		var b []byte
		for {
			ch, err := in.ReadByte()
			switch {
			case err == io.EOF && len(b) > 0:
				return "", io.ErrUnexpectedEOF
			case err != nil:
				return "", err
			case ch == '\n':
				return strings.TrimSuffix(string(b), "\r"), nil
			}
			if left--; left < 0 {
				return "", fmt.Errorf("%w, or has no end", errNoAnswer)
			}
			b = append(b, ch)
		}
	}
	for a.code/100 <= 1 {
		first, err := line()
		if err != nil {
			return a, err
		}
		if a, err = parseStatus(first); err != nil {
			return a, err
		}
		for {
			if l, err := line(); err != nil {
				return a, err
			} else if l == "" {
				break
			}
		}
	}
	return a, nil
}

// parseStatus reads a status line (RFC 9112, section 4).
func parseStatus(line string) (answer, error) {
	version, rest, _ := strings.Cut(line, " ")
	digits, reason, _ := strings.Cut(rest, " ")
	code, err := strconv.ParseUint(digits, 10, 16)
	if !strings.HasPrefix(version, "HTTP/1.") || err != nil || len(digits) != 3 || code < 100 {
		return answer{}, errNoAnswer
	}
	return answer{int(code), strings.TrimSpace(reason)}, nil
}

// tlsFault is for a proxy that is to be spoken to in TLS.
func (p *proxy) tlsFault(target string, err error) error {
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &record):
		return p.fault(NoProxy, target, errors.New("it does not speak TLS"))
	case errors.As(err, &certificate):
		e := p.fault(NoProxy, target, errors.New(shown(err.Error())))
		e.Mend = "the proxy could not prove who it is, so nothing was sent to it; check its name in proxy, and the clock"
		return e
	}
	return p.fault(Unreachable, target, lost(err))
}

// isNetwork tells of errors of this machine's network, not of what a proxy said.
func isNetwork(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// errClosedByProxy is no io.EOF to whoever reads on: the server has not said anything yet.
var errClosedByProxy = errors.New("it closed the connection before it answered")

// lost words how the connection to a proxy ended.
func lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errClosedByProxy
	}
	return err
}
