package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
)

// meaning is what a code of a token endpoint says.
type meaning struct {
	class   Class
	hint    string
	refused bool // it is about the token or the person's login
}

const (
	again     = "log in again: popsync login ACCOUNT"
	seldom    = "it was not used for too long; log in again: popsync login ACCOUNT, and let popsync run more often"
	admin     = "the provider's administrator has to allow it"
	reconsent = "consent is missing: log in again and allow all that is asked (popsync login ACCOUNT), or ask the administrator to consent"
	client    = "check client_id and tenant: the provider does not know this client there, or has disabled it; use a client of your own"
	badSecret = "check the client secret: it is missing, wrong or has expired; public clients have none"
	tenant    = "this kind of account does not fit the tenant: set tenant to the organisation's, or to \"consumers\" for personal accounts"
	request   = "check the configuration against the registration of the client: redirect address, scopes, kind of client"
	unusable  = "the provider's administrator or the account's owner has to look at the account"
	later     = "it is tried again later"
)

// codes are those of RFC 6749 (section 4.1.2.1 and 5.2), RFC 8628 (section 3.5), OpenID Connect Core (section 3.1.2.6), and
// Google's own.
var codes = map[string]meaning{
	"invalid_grant":              {NeedLogin, again, true},
	"interaction_required":       {NeedLogin, again, true},
	"login_required":             {NeedLogin, again, true},
	"account_selection_required": {NeedLogin, again, true},
	"consent_required":           {NeedLogin, reconsent, true},
	"invalid_token":              {NeedLogin, again, true},
	"expired_token":              {NeedLogin, "the code has expired; begin again: popsync login ACCOUNT", true},
	"bad_verification_code":      {NeedLogin, "the code is wrong; begin again: popsync login ACCOUNT", true},
	"code_expired":               {NeedLogin, "the code has expired; begin again: popsync login ACCOUNT", true},
	"authorization_declined":     {NeedPerson, "the login was declined; begin again: popsync login ACCOUNT", true},
	"access_denied":              {NeedPerson, "the person at the browser, or an administrator, refused it; begin again: popsync login ACCOUNT", true},
	"admin_policy_enforced":      {NeedPerson, admin, true},
	"org_internal":               {NeedPerson, "the client is for its own organisation only; " + admin, true},
	"invalid_client":             {Configuration, client + ", or the secret is wrong", false},
	"deleted_client":             {Configuration, "the client was deleted, as Google does with those unused for six months; register a new one", false},
	"disabled_client":            {Configuration, client, false},
	"unauthorized_client":        {Configuration, "the client may not do this: check its kind and its permissions at the provider; of a service account, whether its id has the scopes in the Admin console", false},
	"invalid_request":            {Configuration, request, false},
	"invalid_scope":              {Configuration, "check scopes: the provider does not know them, or not for this client", false},
	"invalid_resource":           {Configuration, "check scopes: the provider does not know them, or not for this client", false},
	"redirect_uri_mismatch":      {Configuration, "the redirect address is not the one that was registered: see redirect", false},
	"unsupported_grant_type":     {Configuration, "the provider has no such flow: set another", false},
	"unsupported_response_type":  {Configuration, "the provider has no such flow: set another", false},
	"authorization_pending":      {Temporary, later, false},
	"slow_down":                  {Temporary, later, false},
	"temporarily_unavailable":    {Temporary, later, false},
	"server_error":               {Temporary, later, false},
	"internal_failure":           {Temporary, later, false},
	"rate_limit_exceeded":        {Temporary, later, false},
}

// numbers are Microsoft's, from its reference of error codes. They choose the hint, and what kind of person is needed: they may
// change, says that page, so whether a token is dead is not read from them.
var numbers = map[int]meaning{
	700082: {NeedLogin, seldom, true}, 70008: {NeedLogin, seldom, true},
	70000: {NeedLogin, again, true}, 50173: {NeedLogin, again, true}, 50132: {NeedLogin, again, true},
	50133: {NeedLogin, again, true}, 50089: {NeedLogin, again, true},
	70043: {NeedPerson, "a policy of the organisation asks for a new login every so often, so this can't run unattended: ask its administrator for an exception, or use flow \"app\"", true},
	50076: {NeedLogin, again, true}, 50079: {NeedLogin, again, true}, 50078: {NeedLogin, again, true},
	50072: {NeedLogin, again, true}, 50074: {NeedLogin, again, true},
	53003: {NeedPerson, "a Conditional Access policy blocks it: " + admin, true}, 53000: {NeedPerson, admin, true}, 53001: {NeedPerson, admin, true},
	530035: {NeedPerson, "security defaults block it: " + admin, true}, 50131: {NeedPerson, admin, true},
	65001: {NeedPerson, reconsent, true}, 65004: {NeedPerson, reconsent, true},
	650056: {Configuration, "the registration of the client lacks the permission for this use", false},
	650057: {Configuration, "the registration of the client lacks the permission for this use", false},
	700016: {Configuration, client, false}, 700011: {Configuration, client, false}, 7000112: {Configuration, client, false}, 70001: {Configuration, client, false},
	7000218: {Configuration, badSecret, false}, 70002: {Configuration, badSecret, false}, 7000215: {Configuration, badSecret, false},
	7000222: {Configuration, "the client secret has expired: make a new one, and change it in the configuration", false},
	700025:  {Configuration, "the client is public and has no secret: take it out of the configuration", false},
	50194:   {Configuration, tenant, false}, 50020: {Configuration, tenant, false}, 500208: {Configuration, tenant, false},
	50011: {Configuration, request, false}, 9002313: {Configuration, request, false}, 70011: {Configuration, request, false},
	50034: {NeedPerson, unusable, true}, 50057: {NeedPerson, unusable, true}, 50053: {NeedPerson, unusable, true}, 50055: {NeedPerson, unusable, true},
	70019: {NeedLogin, "the code has expired; begin again: popsync login ACCOUNT", true},
	70018: {NeedLogin, "the code is wrong; begin again: popsync login ACCOUNT", true},
	70016: {Temporary, later, false},
	50196: {Temporary, later, false}, // a loop: see waits
	90033: {Temporary, later, false}, 50033: {Temporary, later, false}, 70012: {Temporary, later, false},
}

// judge tells what a refusal means.
func (c *Client) judge(e *Error) {
	m, known := codes[e.Code]
	switch {
	case e.Status == http.StatusTooManyRequests || e.Status >= 500:
		m = meaning{Temporary, later, false} // whatever stands in it
		e.What += ": the provider can't do it now"
	case known && m.class == Temporary:
		e.What += ": the provider can't do it now"
	case e.Status/100 == 3:
		m = meaning{Temporary, "a page that asks for something may be in the way (a portal of the network), or token_url is wrong", false}
		e.What += ": it sends to another place"
	case known:
		e.What += ": the provider refuses"
	default: // no code that is known: HTML of a proxy or a portal, or something new
		m = meaning{Temporary, "if it goes on, check the address of the endpoint, and what is between here and there", false}
		e.What += ": the provider refuses"
	}
	if n, ok := numbers[e.Detail]; ok && (known || e.Code == "") && e.Status < 500 && m.class != Temporary {
		m = n
	}
	if c.grant.Flow.Alone() && m.refused { // nobody logs in here
		m = meaning{Configuration, "check that the client may act for this mailbox, that the mailbox exists, and this machine's clock", false}
	}
	e.Class, e.Hint, e.Refused = m.class, m.hint, m.refused
	for _, code := range c.provider.Final {
		e.Certain = e.Certain || e.Refused && code == e.Code
	}
	if e.Detail == 50196 {
		e.Wait = max(e.Wait, loopWait)
	}
	if !known { // only what an RFC names is repeated: a provider may write anything there
		if e.Code != "" {
			e.Code = "unknown code"
		}
	}
}

// loopWait is how long a client stays away that Microsoft takes for one in a loop.
const loopWait = 3600e9

// hintNetwork is the next step after a fault of the network.
func hintNetwork(err error) string {
	var (
		cert *tls.CertificateVerificationError
		when x509.CertificateInvalidError
		dns  *net.DNSError
		ours hinted
	)
	switch {
	case errors.As(err, &ours):
		return ours.Hint()
	case errors.As(err, &when) && when.Reason == x509.Expired:
		return "the certificate is not valid now: check this machine's clock; " + later
	case errors.As(err, &cert):
		return "the provider could not prove who it is, so nothing was sent: check the clock, and what is between here and there; " + later
	case errors.As(err, &dns):
		return "the name could not be looked up; " + later
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, errElsewhere):
		return "a page that asks for something may be in the way (a portal of the network), or the address is wrong; " + later
	}
	return later
}
