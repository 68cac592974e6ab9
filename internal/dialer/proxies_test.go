package dialer

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/dialer/proxytest"
)

// kinds are the proxies that Debian has, by how popsync names them.
var kinds = map[string]func(t testing.TB, user, password string) *proxytest.Proxy{
	"socks5://": proxytest.SOCKS,
	"http://":   proxytest.HTTP,
}

func TestProxies(t *testing.T) {
	for kind, start := range kinds {
		t.Run(strings.TrimSuffix(kind, "://"), func(t *testing.T) {
			s := newTarget(t)
			open := start(t, "", "")
			d := mustNew(t, Options{Proxy: kind + open.Addr})
			conn, err := d.Mail(t.Context(), "tcp", s.addr)
			greeted(t, conn, err)
			// The proxy is asked for the name, not for an address of it.
			conn, err = d.Mail(t.Context(), "tcp", net.JoinHostPort("localhost", s.port()))
			greeted(t, conn, err)
			if log := open.Log(); !strings.Contains(log, "localhost") {
				t.Errorf("it was not asked for the name: %s", log)
			}

			closed := start(t, "me", secretWord)
			for secret, right := range map[string]bool{secretWord: true, secretWord + "x": false, "": false} {
				d := mustNew(t, Options{Proxy: kind + "me@" + closed.Addr, Password: passwordOf(secret)})
				conn, err := d.DialContext(t.Context(), "tcp", s.addr)
				if right {
					greeted(t, conn, err)
				} else {
					faultIs(t, err, Login, "the proxy "+kind+closed.Addr+" refuses its login")
				}
			}
			_, err = mustNew(t, Options{Proxy: kind + closed.Addr}).DialContext(t.Context(), "tcp", s.addr)
			faultIs(t, err, Login, "refuses its login")

			_, err = d.DialContext(t.Context(), "tcp", "127.0.0.1:1")
			faultIs(t, err, Refused, "could not connect to 127.0.0.1:1")
			_, err = d.DialContext(t.Context(), "tcp", "no-such-name.invalid:110")
			faultIs(t, err, Refused, "could not connect to no-such-name.invalid:110")

			open.Stop()
			_, err = d.DialContext(t.Context(), "tcp", s.addr)
			faultIs(t, err, Unreachable, "cannot be used")
			if e := err.(*Error); e.Lasting() || e.Target != "" {
				t.Errorf("%+v", e)
			}
			if want := strings.TrimSpace(strings.Repeat(proxytest.From+" ", 3)); s.seen() != want {
				t.Errorf("connections came from %s, want %s", s.seen(), want)
			}
		})
	}
}

// Every request of HTTP goes through the proxy, whatever the environment says, and not at all when the proxy is gone.
func TestHTTPClient(t *testing.T) {
	for kind, start := range kinds {
		t.Run(strings.TrimSuffix(kind, "://"), func(t *testing.T) {
			var from []string
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				host, _, _ := net.SplitHostPort(r.RemoteAddr)
				from = append(from, host)
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
			}))
			defer server.Close()
			for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
				t.Setenv(name, "http://127.0.0.1:1")
			}
			p := start(t, "", "")
			client := mustNew(t, Options{Proxy: kind + p.Addr, Command: []string{"false"}}).HTTPClient()
			client.Transport.(*http.Transport).TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
			get := func() (*http.Response, error) {
				req, err := http.NewRequestWithContext(context.Background(), "GET", server.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				r, err := client.Do(req)
				if err == nil {
					r.Body.Close()
				}
				client.CloseIdleConnections()
				return r, err
			}
			r, err := get()
			if err != nil || r.StatusCode != http.StatusFound || len(from) != 1 || from[0] != proxytest.From {
				t.Fatalf("%v, %v; requests came from %q", r, err, from)
			}
			p.Stop()
			if _, err := get(); err == nil || len(from) != 1 {
				t.Errorf("without the proxy: %v; requests came from %q", err, from)
			}
		})
	}
}
