// Package gmailtest is the part of Google's interface to Gmail that imports messages, on this machine: for tests, and for a demonstration. It
// serves HTTPS with a certificate of its own (CA), keeps what it gets, and fails in the ways that Gmail does, or that its Options say.
//
// Like Gmail, as far as people have told: messages with one Message-ID are kept once, and a second import only adds labels; a message must
// have exactly one address in exactly one From; programs as attachments and more than 150 MB are refused; labels go by ids; upload
// sessions keep whole blocks of 256 KiB, tell how far they are, and end after a week; requests cost units of a quota, and what is too
// much is answered by 403 or 429; a token must have the scope for what it does.
package gmailtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options say how the server is. The zero value is a Gmail that takes what Gmail takes.
type Options struct {
	// Token tells which scopes a token has; ok is false for one that is none. nil: every token has all.
	Token func(token string) (scopes []string, ok bool)
	Now   func() time.Time // nil: time.Now

	Quota    int           // units in a minute; 0: 6,000; less than 0: no limit
	Minute   time.Duration // 0: a minute
	Patience bool          // refusals for the quota tell how long to wait

	Lax    bool // every message is taken
	Digest bool // messages are not kept, only their sums and their beginnings

	SessionLife time.Duration // 0: a week

	// Fault is asked of each request, once its token and the quota were looked at, and before it is done. nil: all goes well.
	Fault func(Call) Fault
}

// Call is a request that somebody makes.
type Call struct {
	Kind   string // labels, create, import, begin, upload or status
	Number int    // among all of its kind, from 1
}

// Fault is how a request fails. The zero Fault: it does not.
type Fault struct {
	Status          int // of HTTP; 0: none
	Reason, Message string
	RetryAfter      string
	HTML            bool  // a page comes in place of JSON
	CutBefore       bool  // the connection ends before anything is done
	CutAfter        bool  // the connection ends when all was done, before the answer
	Lose            bool  // the connection ends when all was read, and nothing was done
	Take            int64 // the connection ends after so many octets of the body; 0: it does not
}

// Server is one mailbox. It is safe for concurrent use.
type Server struct {
	CA []byte // its certificate, in PEM

	o    Options
	http *http.Server
	pipe *pipe
	cfg  *tls.Config

	mu       sync.Mutex
	calls    map[string]int
	refused  []time.Time // for the quota
	used     []use
	spent    int // units, ever
	messages []*Message
	byID     map[string]*Message // by Message-ID
	labels   []label
	next     int
	sessions map[string]*upload
}

type use struct {
	at    time.Time
	units int
}

// New makes a mailbox that nobody serves yet. The caller closes it.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Minute == 0 {
		o.Minute = time.Minute
	}
	if o.Quota == 0 {
		o.Quota = 6000
	}
	if o.SessionLife == 0 {
		o.SessionLife = 7 * 24 * time.Hour
	}
	s := &Server{o: o, calls: map[string]int{}, byID: map[string]*Message{}, sessions: map[string]*upload{}, pipe: newPipe()}
	s.certify()
	s.http = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: s.cfg, ReadHeaderTimeout: time.Minute}
	return s
}

// Listen serves it on this machine, and gives its address.
func (s *Server) Listen() (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = s.http.Serve(tls.NewListener(l, s.cfg)) }()
	return l.Addr().String(), nil
}

// Serve serves it by Dial alone, for tests in a bubble of fake time.
func (s *Server) Serve() { go func() { _ = s.http.Serve(tls.NewListener(s.pipe, s.cfg)) }() }

// Dial connects to it without a network, once it is served.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) { return s.pipe.dial(ctx) }

// Close ends it, and all connections.
func (s *Server) Close() { _ = s.http.Close() }

// Set changes the options while it runs.
func (s *Server) Set(change func(o *Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.o)
}

// Messages are those that are there, in the order in which they came.
func (s *Server) Messages() (all []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		one := *m
		one.Labels = slices.Clone(m.Labels)
		all = append(all, one)
	}
	return all
}

// Labels are the names of the labels that people made.
func (s *Server) Labels() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.labels {
		names = append(names, l.Name)
	}
	return names
}

// RemoveLabel is a person who removes a label.
func (s *Server) RemoveLabel(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.labels = slices.DeleteFunc(s.labels, func(l label) bool { return l.Name == name })
}

// Put puts a message there for somebody else.
func (s *Server) Put(raw string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(newParts([]byte(raw)), nil)
}

// Calls counts the requests of a kind.
func (s *Server) Calls(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[kind]
}

// Spent is how many units were used.
func (s *Server) Spent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spent
}

// TooFast are the times at which requests were refused for the quota.
func (s *Server) TooFast() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

// Expire ends all upload sessions.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

func (s *Server) certify() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gmailtest"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"gmail.googleapis.com", "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.cfg = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// Trust is a configuration for clients that trusts its certificate.
func (s *Server) Trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// pipe is a listener without a network.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), done: make(chan struct{})} }

var errClosed = errors.New("the server is closed")

func (p *pipe) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, errClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "gmailtest", Net: "unix"} }
