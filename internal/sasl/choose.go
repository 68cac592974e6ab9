package sasl

import (
	"crypto/tls"
	"slices"
	"strings"

	"github.com/popsync/popsync/internal/trust"
)

// methods are all, and how strong they are: what somebody between gets, or can make of it. Those of 0 are not compared.
var methods = map[string]int{
	"user": 1, "plain": 1, "login": 1,
	"apop": 2, "cram-md5": 2,
	"scram-sha-1": 3, "scram-sha-256": 4,
	"scram-sha-1-plus": 5, "scram-sha-256-plus": 6,
	"xoauth2": 0, "oauthbearer": 0, "external": 0,
}

// preferred are those of SCRAM, the best first.
var preferred = []string{"scram-sha-256-plus", "scram-sha-1-plus", "scram-sha-256", "scram-sha-1"}

// Methods are the values of Login.Auth beside "auto", in order.
func Methods() []string {
	all := make([]string, 0, len(methods))
	for m := range methods {
		all = append(all, m)
	}
	slices.Sort(all)
	return all
}

// IsToken tells of the methods whose secret is an access token.
func IsToken(method string) bool { return method == "xoauth2" || method == "oauthbearer" }

// SendsPassword tells of the methods that send the password as it is. Those are the usual ones.
func SendsPassword(method string) bool { return strength(method) == 1 }

func strength(method string) int {
	if method == Password {
		return 1
	}
	return methods[method]
}

// strong tells of TLS that nobody between can read. Where TLS is used at all, the other side was verified, or has a key that is pinned.
func strong(state *tls.ConnectionState) bool {
	return state != nil && state.HandshakeComplete && trust.Weakness(*state) == ""
}

func (o *Offer) has(method string) bool {
	return slices.Contains(o.Mechanisms, strings.ToUpper(method))
}

func (r *run) automatic() bool { return r.Auth == "" || r.Auth == "auto" }

// choose is the method that is tried first.
func (r *run) choose() (string, error) {
	if !r.automatic() {
		return r.named()
	}
	if r.Token != nil {
		return r.token()
	}
	if r.Password == nil {
		return "", &OfferError{"there is neither a password nor a token"}
	}
	if m := r.worked(); m != "" {
		return m, nil
	}
	m := r.best()
	if m == "" {
		return "", &OfferError{"the server offers no login by a password that popsync uses unasked (PLAIN, LOGIN, SCRAM)"}
	}
	return m, r.weaker(m)
}

// named is the method that somebody named, announced or not.
func (r *run) named() (string, error) {
	_, known := methods[r.Auth]
	switch {
	case !known, r.Auth == "user" && !r.offer.User:
		return "", &OfferError{"auth " + r.Auth + " is not known here"}
	case r.Auth == "apop" && r.offer.Timestamp == "":
		return "", &OfferError{"the server has no APOP: its greeting has no timestamp"}
	case r.Token != nil && !IsToken(r.Auth):
		return "", &OfferError{"auth " + r.Auth + " takes no access token"}
	case r.Token == nil && r.Password == nil && r.Auth != "external":
		return "", &OfferError{"auth " + r.Auth + " needs a password"}
	}
	return r.Auth, nil
}

// token is the method for an access token. XOAUTH2 comes first: all providers have it, Microsoft nothing else. Over POP3 it is
// tried although it is not announced: Thunderbird does, too.
func (r *run) token() (string, error) {
	for _, m := range []string{r.Worked, "xoauth2", "oauthbearer"} {
		if IsToken(m) && r.offer.has(m) {
			return m, nil
		}
	}
	if r.offer.User || !r.offer.Known {
		return "xoauth2", nil
	}
	return "", &OfferError{"the server offers neither XOAUTH2 nor OAUTHBEARER"}
}

// worked is the method that logged in last, if it is still to be had; "" if not, or if none is known.
func (r *run) worked() string {
	switch m := r.Worked; {
	case m == Password && r.offer.User && !r.offer.has("plain"): // as it was before there was more
		return "user"
	case m == Password:
		return r.clear()
	case strength(m) == 0:
	case m == "user" && r.offer.User, r.offer.has(m), !r.offer.Known && len(r.offer.Mechanisms) == 0:
		return m
	}
	return ""
}

// best is the strongest method that is announced and needs no name; "" for none.
func (r *run) best() string {
	_, bound := bindingOf(r.offer.TLS)
	for _, m := range preferred {
		if r.offer.has(m) && (bound || !isBound(m)) {
			return m
		}
	}
	return r.clear()
}

// clear is the method that sends the password as it is; "" for none.
func (r *run) clear() string {
	switch {
	case r.offer.has("plain"):
		return "plain"
	case r.offer.has("login") && (!r.offer.User || r.offer.NoUser):
		return "login"
	case r.offer.User:
		return "user"
	}
	return ""
}

// weaker is the error of a method that is weaker than the one that worked last, where that is not to be accepted.
func (r *run) weaker(m string) error {
	if strength(m) >= strength(r.Worked) || strength(m) == 0 || !r.automatic() {
		return nil
	}
	if bound := isBound(r.Worked); bound || !strong(r.offer.TLS) {
		return &DowngradeError{Worked: r.Worked, Left: m, Bound: bound}
	}
	return nil
}
