package metrics

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/unixsocket"
)

// CheckListen tells whether listen is an address that only this machine reaches: HOST:PORT, where HOST is localhost or
// a loopback address and an IPv6 address stands in brackets, or unix:/absolute/path. The figures tell who gets mail and
// when, and there is no login before them.
func CheckListen(listen string) error {
	_, _, err := parseListen(listen)
	return err
}

// parseListen returns what net.Listen wants. No name is looked up: what the DNS says is no proof of loopback.
func parseListen(listen string) (network, address string, err error) {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		switch {
		case !filepath.IsAbs(path) || strings.ContainsRune(path, 0):
			return "", "", errors.New("after unix: comes the absolute path of a socket")
		case len(path) > unixsocket.MaxPath:
			return "", "", fmt.Errorf("the path of a socket has at most %d octets", unixsocket.MaxPath)
		}
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", "", errors.New(`an address is written "127.0.0.1:9110", "[::1]:9110" or "unix:/path"`)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("%+.40q is no port", port)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Unmap().IsLoopback() {
		return "", "", fmt.Errorf("%+.80q is not an address of this machine only, such as 127.0.0.1", host)
	}
	return "tcp", net.JoinHostPort(ip.Unmap().WithZone("").String(), port), nil
}

// Listen opens what CheckListen accepts. A socket file has mode 0600 and goes when the listener is closed; one that a
// dead process left behind is replaced, one that somebody answers on is not, and what is no socket is never touched.
func Listen(listen string) (net.Listener, error) {
	network, address, err := parseListen(listen)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if network == "tcp" {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		return l, nil
	}
	l, err := listenUnix(address)
	if err != nil {
		return nil, fmt.Errorf("metrics: socket %q: %w", address, err)
	}
	return l, nil
}

func listenUnix(path string) (net.Listener, error) {
	// Nobody else can put anything in the place of the socket there.
	dir, err := safepath.Dir(filepath.Dir(path))
	if err != nil {
		return nil, advised(err)
	}
	defer dir.Close()
	return unixsocket.Listen(dir, path)
}
