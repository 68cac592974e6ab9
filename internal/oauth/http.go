package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

const (
	requestTime = 30 * time.Second // for one request, and each redirect that it follows
	maxAnswer   = 256 << 10        // octets
	maxHops     = 3                // redirects to the same host
)

// transport opens a connection for each request: they are hours apart, and nothing is left open between them. It knows no proxy of
// its own: that is Dial's affair.
func transport(o Options) http.RoundTripper {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		cfg = o.TLS.Clone()
	}
	return &http.Transport{
		DialContext: o.Dial, TLSClientConfig: cfg, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: requestTime / 2, MaxResponseHeaderBytes: 64 << 10,
	}
}

// within gives the library our client: the one that it would take itself has no bounds and follows redirects anywhere.
func (c *Client) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport: bounded{ctx, c.base, c.dated}, CheckRedirect: sameHost,
	})
}

// errElsewhere stops at a redirect that would carry a token to another host, or turn the request into another.
var errElsewhere = errors.New("a redirect to another place")

func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0]
	if r.URL.Host != first.URL.Host || r.URL.Scheme != first.URL.Scheme || r.Method != first.Method || len(via) > maxHops {
		return errElsewhere
	}
	return nil
}

// bounded ends requests with a context, which the library does not always do, and bounds their time and what is read of the answer.
type bounded struct {
	ctx   context.Context
	base  http.RoundTripper
	dated func(http.Header)
}

// dated compares the clocks (RFC 9110, section 6.6.1).
func (c *Client) dated(h http.Header) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		c.skew.Store(int64(c.now().Sub(at)))
	}
}

// Skew is how far this machine's clock was ahead of the provider's at the last answer, to a second or so; less than 0: behind; 0:
// not known.
func (c *Client) Skew() time.Duration { return time.Duration(c.skew.Load()) }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTime)
	stop := context.AfterFunc(b.ctx, cancel)
	r = r.WithContext(ctx)
	r.Header.Set("User-Agent", "popsync")
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	res, err := b.base.RoundTrip(r)
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	b.dated(res.Header)
	res.Body = &body{io.LimitReader(res.Body, maxAnswer), res.Body, func() { stop(); cancel() }}
	return res, nil
}

// body closes itself when all was read: the library forgets it where it asks for a device code.
type body struct {
	io.Reader
	io.Closer
	end func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil {
		b.Close()
	}
	return n, err
}

func (b *body) Close() error {
	err := b.Closer.Close()
	b.end()
	return err
}

// safe tells that a token may be sent to an address: by https, or to this machine, which nobody else can listen to.
func safe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// redirectable tells that an address can take the browser back in a flow.
func redirectable(address string, f Flow) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil {
		return false
	}
	if f == FlowPaste {
		return u.Scheme == "http" || u.Scheme == "https"
	}
	return u.Scheme == "http" && loopback(u.Hostname())
}

// hinted is an error of Options.Dial that is ours: it holds nothing of an answer, and knows the next step.
type hinted interface {
	error
	Hint() string
	Lasting() bool // it stays so until a person changes something
}

// harmless keeps of an error of net/http what comes from the network and the system: others repeat octets of the answer.
func harmless(err error) error {
	var (
		op        *net.OpError
		dns       *net.DNSError
		cert      *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		alert     tls.AlertError
		netErr    net.Error
		ours      hinted
	)
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, errElsewhere):
		return errElsewhere
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &cert):
		return cert
	case errors.As(err, &authority):
		return authority
	case errors.As(err, &op):
		return op
	case errors.As(err, &dns):
		return dns
	case errors.As(err, &alert):
		return alert
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.As(err, &netErr) && netErr.Timeout():
		return errors.New("no answer in time")
	}
	return errors.New("the answer is not HTTP as it should be")
}
