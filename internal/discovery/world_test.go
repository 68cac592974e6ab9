package discovery

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is DNS and the servers of the Internet, with a CA of its own.
type world struct {
	ca    *x509.Certificate
	key   *ecdsa.PrivateKey
	roots *x509.CertPool

	addrs map[string]string // host: address; none: there is no such host
	mx    map[string][]*net.MX
	srv   map[string][]*net.SRV
	txt   map[string][]string
	down  bool // nobody answers questions of DNS

	pages map[string]http.HandlerFunc // by host
	pops  map[string]string           // greetings at port 995, by host
	names map[string]string           // in the certificate of a host, if that is another one
	web   *httptest.Server

	mu    sync.Mutex
	asked []string // requests by https: host, path and query
	froms []string // their Referers
	looks []string // questions of DNS
	dials []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{addrs: map[string]string{}, mx: map[string][]*net.MX{}, srv: map[string][]*net.SRV{}, txt: map[string][]string{},
		pages: map[string]http.HandlerFunc{}, pops: map[string]string{}, names: map[string]string{}}
	var err error
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.ca = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, w.ca, w.ca, &w.key.PublicKey, w.key)
	if err != nil {
		t.Fatal(err)
	}
	if w.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	w.roots = x509.NewCertPool()
	w.roots.AddCert(w.ca)
	w.web = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked, w.froms = append(w.asked, r.Host+r.URL.RequestURI()), append(w.froms, r.Referer())
		w.mu.Unlock()
		if page := at(w, w.pages, r.Host); page != nil {
			page(rw, r)
			return
		}
		http.NotFound(rw, r)
	}))
	w.web.TLS = w.tls()
	w.web.Config.ErrorLog = nil
	w.web.StartTLS()
	t.Cleanup(w.web.Close)
	return w
}

// tls serves any host with a certificate of its name.
func (w *world) tls() *tls.Config {
	return &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := hello.ServerName
		if other := at(w, w.names, name); other != "" {
			name = other
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: w.ca.NotBefore, NotAfter: w.ca.NotAfter}
		der, err := x509.CreateCertificate(rand.Reader, leaf, w.ca, &w.key.PublicKey, w.key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: w.key}, err
	}}
}

func (w *world) finder() Finder {
	return Finder{Resolver: w, TLS: &tls.Config{RootCAs: w.roots}, Dial: w.dial, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: w.roots},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, _ := net.SplitHostPort(address)
			if at(w, w.pages, host) == nil || port != "443" {
				return nil, w.missing(host)
			}
			return new(net.Dialer).DialContext(ctx, network, w.web.Listener.Addr().String())
		},
	}}
}

func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, address)
	w.mu.Unlock()
	host, port, _ := net.SplitHostPort(address)
	greeting := at(w, w.pops, host)
	if greeting == "" || port != "995" {
		return nil, fmt.Errorf("%s: refused", address)
	}
	client, server := net.Pipe()
	go func() {
		conn := tls.Server(server, w.tls())
		defer conn.Close()
		if _, err := conn.Write([]byte(greeting)); err == nil {
			_, _ = conn.Read(make([]byte, 100))
		}
	}()
	return client, nil
}

func (w *world) missing(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: !w.down, IsTemporary: w.down}
}

// at is what the world has under a name. A question that was given up may still be on its way while a test builds on.
func at[V any](w *world, m map[string]V, name string) V {
	w.mu.Lock()
	defer w.mu.Unlock()
	return m[name]
}

func (w *world) look(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks = append(w.looks, what)
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	w.look("A " + host)
	if a := at(w, w.addrs, host); a != "" {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, w.missing(host)
}

func (w *world) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	w.look("MX " + name)
	if r := at(w, w.mx, name); r != nil {
		return r, nil
	}
	return nil, w.missing(name)
}

func (w *world) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	name = "_" + service + "._" + proto + "." + name
	w.look("SRV " + name)
	if r := at(w, w.srv, name); r != nil {
		return name, r, nil
	}
	return "", nil, w.missing(name)
}

func (w *world) LookupTXT(_ context.Context, name string) ([]string, error) {
	w.look("TXT " + name)
	if r := at(w, w.txt, name); r != nil {
		return r, nil
	}
	return nil, w.missing(name)
}

// page is a document that is there.
func page(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

// document is one of autoconfig, with servers in it.
func document(servers ...string) string {
	return `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="x"><domain>example.org</domain><displayName>Example Mail</displayName>` +
		strings.Join(servers, "") + `<enable visiturl="https://example.org/pop3"/><unknown><a/></unknown></emailProvider></clientConfig>`
}

func server(host, port, socket, user string, more ...string) string {
	return fmt.Sprintf(`<incomingServer type="pop3"><hostname>%s</hostname><port>%s</port><socketType>%s</socketType><username>%s</username>%s</incomingServer>`,
		host, port, socket, user, strings.Join(more, ""))
}

// find finds the server of an address.
func (w *world) find(t *testing.T, address string) (Found, []Miss, bool) {
	t.Helper()
	a, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	return w.finder().Find(t.Context(), a)
}
