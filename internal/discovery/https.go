package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const (
	largest   = 64 << 10 // of a document, in octets
	redirects = 5
)

var (
	errNothing  = errors.New("nothing there")
	errTooLarge = fmt.Errorf("more than %d octets", largest)
	errSilent   = fmt.Errorf("no answer within %d seconds", int(oneAnswer.Seconds()))
)

// get reads a document by https. Redirects lead to https only, and nobody is told from where.
func (f Finder) get(ctx context.Context, address string) ([]byte, error) {
	client := http.Client{
		Transport: f.Transport,
		CheckRedirect: func(next *http.Request, before []*http.Request) error {
			next.Header.Del("Referer") // it would have the address in it
			switch {
			case next.URL.Scheme != "https":
				return errors.New("it leads to http, which anybody could have changed")
			case len(before) > redirects:
				return errors.New("it leads on and on")
			}
			return nil
		},
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	ask.Header.Set("User-Agent", "popsync")
	got, err := client.Do(ask)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return nil, errNothing
	}
	doc, err := io.ReadAll(io.LimitReader(got.Body, largest+1))
	if err == nil && len(doc) > largest {
		err = errTooLarge
	}
	return doc, err
}

// unresolved is a name that nobody could be asked for.
type unresolved struct{ *net.DNSError }

func (u unresolved) Unwrap() error { return u.DNSError }

// Error has the last reason only: those before it are how package net went about it.
func (u unresolved) Error() string {
	return "DNS could not be asked: " + u.Err[strings.LastIndex(": "+u.Err, ": "):]
}

// told is why a place has nothing; nil: that is all there is to say, as it is with most domains.
func told(err error) error {
	dns, lookup := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, errNothing) || lookup && dns.IsNotFound:
		return nil
	case lookup:
		return unresolved{dns}
	case errors.Is(err, context.DeadlineExceeded):
		return errSilent
	}
	if u, ok := errors.AsType[*url.Error](err); ok { // its text has the address
		return u.Err
	}
	return err
}

// published asks all at once what the domain says of itself, and what Mozilla knows of it.
func (f Finder) published(ctx context.Context, a Address) (Found, []Miss, bool) {
	return first(ctx, []attempt{
		{"PACC of " + a.Domain, func(ctx context.Context) (Found, error) { return f.byPACC(ctx, a) }},
		f.autoconfig(a, FromAutoconfig, "autoconfig."+a.Domain+"/mail/config-v1.1.xml", "emailaddress="+url.QueryEscape(a.String())),
		f.autoconfig(a, FromWellKnown, a.Domain+"/.well-known/autoconfig/mail/config-v1.1.xml", ""),
		f.autoconfig(a, FromISPDB, "autoconfig.thunderbird.net/v1.1/"+a.Domain, ""),
	})
}

// autoconfig asks for a document of autoconfig at a place.
func (f Finder) autoconfig(a Address, s Source, place, query string) attempt {
	address := "https://" + place
	return attempt{address, func(ctx context.Context) (Found, error) {
		doc, err := f.get(ctx, strings.TrimSuffix(address+"?"+query, "?"))
		if err != nil {
			return Found{}, err
		}
		found, err := parseAutoconfig(doc, a)
		found.Source, found.Where = s, address
		return found, err
	}}
}
