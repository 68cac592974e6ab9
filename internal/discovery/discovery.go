// Package discovery finds the POP3 server of a mail address, and says where it knows it from: the table of providers, what the domain
// publishes (PACC, autoconfig), Mozilla's ISPDB, the provider behind its MX record, its SRV records, and last a guess that proves itself
// by a certificate. The first that answers counts, in this order; docs/decisions/discovery.md has the reasons.
//
// Formats: draft-ietf-mailmaint-autoconfig-06, draft-ietf-mailmaint-pacc, RFC 6186 (SRV records). It never speaks http, and never offers
// a server without TLS. It sends the address to autoconfig.DOMAIN only; all others learn the domain. It logs in nowhere and decides
// nothing: Found.Doubts says what a person has to agree to. Answers are hostile: bounded in size and time, and names from them are
// checked before they are used or shown.
//
// internal/setup calls it. Resolver, HTTPS transport and dialer are its caller's.
package discovery

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/popsync/popsync/internal/providers"
)

// oneAnswer bounds each question to one server, with all redirects and the body.
const oneAnswer = 5 * time.Second

// Resolver answers questions of DNS, as net.Resolver does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Finder finds servers.
type Finder struct {
	Resolver  Resolver
	Transport http.RoundTripper // for https; it checks certificates
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	TLS       *tls.Config // for guesses, without a name; nil: as usual
	Offline   bool        // only the table is looked at
	NoGuess   bool        // no server is guessed
}

// Source is where a server is known from.
type Source string

// The sources, in their order.
const (
	FromTable      Source = "table"
	FromPACC       Source = "pacc"
	FromAutoconfig Source = "autoconfig"
	FromWellKnown  Source = "well-known"
	FromISPDB      Source = "ispdb"
	FromMX         Source = "mx"
	FromSRV        Source = "srv"
	FromGuess      Source = "guess"
	FromPerson     Source = "named" // by who set the account up
)

// Found is a server, and what its source says of it.
type Found struct {
	Source   Source
	Where    string // for people: "popsync's table of providers", or an address on the web
	Provider string // its name; "": not told

	Host     string // lower case, ASCII, without a final dot
	Port     int
	StartTLS bool

	// Usernames are what may be said at the login: what the source names, then the other usual one.
	Usernames []string
	// Named tells that the source says which it is.
	Named bool

	Password, OAuth bool          // the ways to log in; neither: not told
	Interval        time.Duration // least time between two logins; 0: not told
	Enable          string        // a page where POP3 is switched on; "": not told

	// Doubts are why a person should type the domain of the host, not say yes; none: the source is as good as the domain itself.
	Doubts []string
}

// Miss is a place where nothing was found.
type Miss struct {
	Where string
	Err   error // nil: it just has nothing
}

// Find finds the server of an address. ok: there is one. misses are the places where none was found, before that.
func (f Finder) Find(ctx context.Context, a Address) (found Found, misses []Miss, ok bool) {
	if p, there := providers.Of(a.Domain); there {
		return a.fromTable(p, FromTable, tableName), nil, true
	}
	misses = append(misses, Miss{Where: tableName})
	if f.Offline {
		return Found{}, misses, false
	}
	steps := []func(context.Context, Address) (Found, []Miss, bool){f.published, f.byMX, f.bySRV}
	if !f.NoGuess {
		steps = append(steps, f.guess)
	}
	for _, step := range steps {
		found, missed, ok := step(ctx, a)
		if misses = append(misses, missed...); ok {
			return found, misses, true
		}
		if ctx.Err() != nil || !slices.ContainsFunc(missed, resolved) {
			break // who cannot ask for names now, can ask for no others either
		}
	}
	return Found{}, misses, false
}

func resolved(m Miss) bool {
	_, is := errors.AsType[unresolved](m.Err)
	return !is
}

// tableName is what people are told of the table.
const tableName = "popsync's table of providers"

// fromTable is what the table knows.
func (a Address) fromTable(p providers.Provider, s Source, where string) Found {
	return Found{
		Source: s, Where: where, Provider: p.Name, Host: p.Host, Port: p.Port, StartTLS: p.StartTLS,
		Usernames: a.usernames(p.Username), Named: true, Password: p.Password, OAuth: p.OAuth, Interval: p.Interval,
	}
}

// attempt is one place that is asked.
type attempt struct {
	where string
	ask   func(ctx context.Context) (Found, error)
}

// first asks all places at once, and gives the answer of the first in their order that has one.
func first(ctx context.Context, all []attempt) (found Found, misses []Miss, ok bool) {
	type answer struct {
		found Found
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make([]chan answer, len(all))
	for i, at := range all {
		answers[i] = make(chan answer, 1)
		go func() {
			ctx, cancel := context.WithTimeout(ctx, oneAnswer)
			defer cancel()
			found, err := at.ask(ctx)
			answers[i] <- answer{found, err}
		}()
	}
	for i, at := range all {
		if a := <-answers[i]; a.err == nil {
			return a.found, misses, true
		} else {
			misses = append(misses, Miss{at.where, told(a.err)})
		}
	}
	return Found{}, misses, false
}
