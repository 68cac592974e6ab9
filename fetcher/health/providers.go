package health

import (
	"strings"
	"time"
)

// Provider is what is known of a mailbox provider before it is asked. The zero Provider is an ordinary POP3 server.
type Provider struct {
	RetrHides   bool          // hides from later listings what was RETRieved in a session that ended with QUIT
	NeverDelete bool          // DELE must not be sent on this login
	MinInterval time.Duration // least time between two logins; 0: none is known
	LoginHint   string        // what a person must do there for a login to work; "": nothing special is known
}

const (
	hintGmail = "Gmail wants POP switched on in its settings (Forwarding and POP/IMAP) and an app password instead of the account's own; " +
		"some organisations allow neither"
	hintMicrosoft = "Microsoft takes no password and no app password for POP any more, only OAuth 2.0: set oauth in place of the password, " +
		"and say popsync login, as docs/oauth.md has it; POP must be allowed in the mailbox's settings too"
	hintYahoo   = "make an app password in the account's security settings: the account's own password is refused"
	hintGMX     = "switch POP3 on in the mailbox's settings on the web: it is off at first, and goes off again when it is not used for long"
	hintWebDe   = hintGMX + "; username is the part before the @, and more than one login in 15 minutes is refused"
	hintLocal   = "username is the part of the address before the @"
	hintZoho    = "switch POP on in the mailbox's settings; free plans do not have it"
	hintCode    = "the password here is the authorization code that the mailbox's settings give when POP is switched on; a new account password ends it"
	hintComcast = "allow access by third-party programs in the account's security settings"
	hintTOnline = "T-Online has a separate password for e-mail programs: set it in the customer centre"
)

// Providers by host name.
var Providers = map[string]Provider{
	// Lists the oldest mail not yet fetched (Google's help on POP settings). POP must be enabled: Mozilla's ISPDB.
	"pop.gmail.com":      {RetrHides: true, LoginHint: hintGmail},
	"pop.googlemail.com": {RetrHides: true, LoginHint: hintGmail},

	// OAuth2 only: ISPDB. Refuses with "Exceeded the login limit for a 15 minute period" (frappe/frappe#242); how many
	// it allows is not published, so this is a guess: five.
	"outlook.office365.com": {MinInterval: 3 * time.Minute, LoginHint: hintMicrosoft},
	"pop-mail.outlook.com":  {MinInterval: 3 * time.Minute, LoginHint: hintMicrosoft},

	// OAuth2, closed to new programs, or an app password: ISPDB, email-oauth2-proxy's documentation.
	"pop.mail.yahoo.com": {LoginHint: hintYahoo},
	"pop.aol.com":        {LoginHint: hintYahoo},

	// Off at first, and off again after disuse: the providers' help; jens-maus/yam#638.
	"pop.gmx.net": {LoginHint: hintGMX},
	// "Allows checks only every 15 minutes, otherwise fails at auth": comment in ISPDB.
	"pop3.web.de": {MinInterval: 15 * time.Minute, LoginHint: hintWebDe},

	// Less than 60 s between logins, and the connection is cut: help.ovh.co.uk.
	"ssl0.ovh.net": {MinInterval: time.Minute},

	// %EMAILLOCALPART% in ISPDB.
	"pop.free.fr":     {LoginHint: hintLocal},
	"pop.laposte.net": {LoginHint: hintLocal},

	// POP must be enabled, and the free plan excludes it: Zoho's help.
	"pop.zoho.com":    {LoginHint: hintZoho},
	"pop.zoho.eu":     {LoginHint: hintZoho},
	"pop.zoho.in":     {LoginHint: hintZoho},
	"pop.zoho.jp":     {LoginHint: hintZoho},
	"pop.zoho.com.au": {LoginHint: hintZoho},
	"poppro.zoho.com": {LoginHint: hintZoho},
	"poppro.zoho.eu":  {LoginHint: hintZoho},

	// An authorization code in place of the password: the providers' help.
	"pop.qq.com":  {LoginHint: hintCode},
	"pop.163.com": {LoginHint: hintCode},
	"pop.126.com": {LoginHint: hintCode},

	// ISPDB; its text for T-Online names the separate password.
	"mail.comcast.net":      {LoginHint: hintComcast},
	"securepop.t-online.de": {LoginHint: hintTOnline},
}

// ProviderOf looks up a host.
func ProviderOf(host, username string) Provider {
	p := Providers[strings.ToLower(strings.TrimSuffix(host, "."))]
	if p.RetrHides && strings.HasPrefix(username, "recent:") {
		// Gmail lists the last 30 days then, whatever was fetched, and DELE acts on mail that another client may not have
		// seen.
		p.RetrHides, p.NeverDelete = false, true
	}
	return p
}
