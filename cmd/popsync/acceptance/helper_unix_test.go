package acceptance_test

import (
	"context"
	"net"
)

// dialUnix connects to a socket whatever address is asked for.
func dialUnix(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}
