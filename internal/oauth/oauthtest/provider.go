// Package oauthtest is an OAuth 2.0 provider for tests: it logs people in by a browser or a device, renews and revokes tokens, serves
// clients without a person, and fails in the ways that providers do. It keeps count of what it was asked.
//
// It serves HTTP on this machine (Start), or answers without a network as an http.RoundTripper, for tests in a bubble of fake time.
// It refuses what a provider refuses: another redirect address than the login had, a wrong verifier, a code twice. Nobody's consent
// is asked: Options say what the person does.
package oauthtest

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Rotation is what becomes of a refresh token when it was used.
type Rotation int

// The kinds of rotation.
const (
	Kept    Rotation = iota // it stays, and the answer has none
	Lenient                 // a new one; the predecessor is accepted until the new one was used
	Strict                  // a new one; using an older one ends the login
)

// Options say how the provider is. The zero value is one that gives everything, for an hour.
type Options struct {
	ClientID, Secret string // "" as the id: any client
	Rotation         Rotation
	Life             time.Duration // of access tokens; 0: an hour. Less than 0: it is not told
	RefreshLife      time.Duration // told as refresh_token_expires_in; 0: not told
	Granted          []string      // the scopes that the person allows; nil: all that are asked for
	NoRefresh        bool          // logins give no refresh token
	Email            string        // who logs in; "": me@example.org
	Denied           bool          // the person declines
	Interval         int           // seconds between questions for a device code; 0: none is told
	CodeLife         time.Duration // of device codes; 0: ten minutes
	Key              *rsa.PublicKey
	Long             int // octets of an access token, at least; Microsoft's have thousands
	Now              func() time.Time
	Prefix           string // begins each secret that it makes, as a marker

	// Committed is called when a refresh was done, before the answer is sent. nil: nobody asks.
	Committed func()
	// Pause is called while a refresh is under way; nil: it takes no time.
	Pause func()
}

// Fault is how one request to the token endpoint fails.
type Fault struct {
	Status     int    // of HTTP
	Error      string // "error"; "": Body is sent
	Detail     int    // Microsoft's number
	Body       string // with Content-Type HTML; "": some page
	RetryAfter string
	CutBefore  bool // the connection ends before anything was done
	CutAfter   bool // it ends when the token was replaced, before the answer
}

// Counts are what was asked so far.
type Counts struct {
	Requests  int // to the token endpoint
	Refreshes int // that gave a token
	Ended     int // logins that were ended because an older token was used: Strict
	Refused   int // with invalid_grant because the refresh token was not, or not any more, valid
	AtOnce    int // the most refreshes of one token at the same time
	Together  int // the most requests to the token endpoint at the same time
	Backward  int // refreshes with a token that is older than one that was presented before
	Revoked   int
	Devices   int // questions for a device code
}

// Provider is one. It is safe for concurrent use.
type Provider struct {
	o Options

	mu       sync.Mutex
	url      string
	counts   Counts
	now      int // requests under way
	n        int
	codes    map[string]*code
	devices  map[string]*device
	families map[string]*family // by refresh token
	access   map[string]*access
	faults   []Fault
	down     *Fault
	scopes   []string
}

// family is a login, with all tokens that came of it.
type family struct {
	email      string
	scope      string
	gen        int  // of the newest refresh token
	used       bool // the newest token was used, so that its predecessor is of no use any more
	ended      bool
	busy       int
	presented  int
	tokens     map[string]int
	successful int
}

type access struct {
	email string
	ends  time.Time
	of    *family
	gen   int
}

// New makes a Provider that answers without a network: give it to the client as its transport, with https://provider.test.
func New(o Options) *Provider {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Life == 0 {
		o.Life = time.Hour
	}
	if o.Email == "" {
		o.Email = "me@example.org"
	}
	if o.CodeLife == 0 {
		o.CodeLife = 10 * time.Minute
	}
	return &Provider{
		o: o, url: "https://provider.test", codes: map[string]*code{}, devices: map[string]*device{},
		families: map[string]*family{}, access: map[string]*access{},
	}
}

// Start makes a Provider that serves HTTP on this machine until the test ends.
func Start(t testing.TB, o Options) *Provider {
	t.Helper()
	p := New(o)
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// URL is the issuer; below it are /authorize, /token, /device, /activate, /revoke, and /use, which
// answers 200 to a bearer of a good access token, and to others 401.
func (p *Provider) URL() string { return p.url }

// Set changes the options while it runs.
func (p *Provider) Set(change func(*Options)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.o)
}

// Fail has the next requests to the token endpoint fail, each in its way.
func (p *Provider) Fail(faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, faults...)
}

// Down has all requests to the token endpoint fail; nil ends that.
func (p *Provider) Down(f *Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = f
}

// Counts gives what was asked so far.
func (p *Provider) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

func (p *Provider) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.o.Now()
}

// Busy tells whether requests to the token endpoint are under way.
func (p *Provider) Busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now > 0
}

// Refreshes is how often the login of this address gave a new token.
func (p *Provider) Refreshes(email string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[*family]bool{}
	for _, f := range p.families {
		if f.email == email && !seen[f] {
			seen[f], n = true, n+f.successful
		}
	}
	return n
}

// Valid tells whether an access token is good, and whose it is. It is a use of the token.
func (p *Provider) Valid(token string) (email string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.access[token]
	if a == nil || p.o.Now().After(a.ends) || a.of.ended {
		return "", false
	}
	a.of.used = a.of.used || a.gen == a.of.gen
	return a.email, true
}

// Newest tells whether a refresh token is the newest of its login, which goes on. It is no use of it.
func (p *Provider) Newest(token string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.families[token]
	return f != nil && !f.ended && f.tokens[token] == f.gen
}

// Grant is a login without a browser: the tokens of one.
func (p *Provider) Grant(email, scope string) (accessToken, refreshToken string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &family{email: email, scope: scope, tokens: map[string]int{}}
	refreshToken = p.newRefresh(f)
	return p.newAccess(f), refreshToken
}

// End ends every login: refresh tokens are invalid from now on.
func (p *Provider) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.families {
		f.ended = true
	}
}

// Asked are the scopes of the last login.
func (p *Provider) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.scopes
}

func (p *Provider) secret(kind string) string {
	p.n++
	return fmt.Sprintf("%s%s-%d-%s", p.o.Prefix, kind, p.n, rand.Text())
}

func (p *Provider) newRefresh(f *family) string {
	t := p.secret("refresh")
	f.gen++
	f.used = false
	f.tokens[t] = f.gen
	p.families[t] = f
	return t
}

func (p *Provider) newAccess(f *family) string {
	t := p.secret("access")
	for len(t) < p.o.Long {
		t += rand.Text()
	}
	p.access[t] = &access{email: f.email, ends: p.o.Now().Add(max(p.o.Life, time.Hour)), of: f, gen: f.gen}
	return t
}
