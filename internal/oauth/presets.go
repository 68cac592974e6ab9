package oauth

import "time"

const day = 24 * time.Hour

// presets are the providers that are known. Nothing is guessed here: what no source tells is left out, and a person can still name
// it in the configuration. Sources: the table of Thunderbird (comm-central, mailnews/base/src/OAuth2Providers.sys.mjs, 2026), called
// T here; the sample configuration of email-oauth2-proxy, E; what the provider's own pages say, P.
var presets = []Provider{
	{
		Name: "google", Title: "Google",
		AuthURL:  "https://accounts.google.com/o/oauth2/auth", // T
		TokenURL: "https://oauth2.googleapis.com/token",       // P: discovery document of accounts.google.com
		// P: the same. Its device flow knows few scopes, none for mail.
		RevokeURL: "https://oauth2.googleapis.com/revoke",
		Scopes: map[Use][]string{
			POP: {"https://mail.google.com/"}, IMAP: {"https://mail.google.com/"}, SMTP: {"https://mail.google.com/"}, // T
			// P: discovery document of the Gmail API, 2026-11-06
			Gmail: {"https://www.googleapis.com/auth/gmail.insert", "https://www.googleapis.com/auth/gmail.labels"},
		},
		Beside: []string{"openid", "email"},
		// Without these there is no refresh token at the second login (pdobsan/oama#36).
		Params:  map[string]string{"access_type": "offline", "prompt": "consent"},
		Flows:   []Flow{FlowLoopback, FlowPaste, FlowService},
		Secret:  true, // P: clients of type "desktop" have one that is none, and must send it
		Final:   []string{"invalid_grant"},
		Idle:    182 * day, // P: six months
		Testing: 7 * day,   // P
		Prepare: []string{
			"Make a project of your own in the Google Cloud console, and in it an OAuth client of type \"Desktop app\"; its id and secret go into the configuration.",
			"For a destination of type \"gmail\", switch on the Gmail API in that project (APIs & Services, Library).",
			"Publish it (\"In production\"; for yourself no verification is needed): while it is in \"Testing\", each login ends after 7 days.",
		},
	},
	{
		Name: "microsoft", Title: "Microsoft",
		// T, P. The tenant is "common" unless one is named.
		AuthURL:   "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
		TokenURL:  "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
		DeviceURL: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode", // P, E
		Scopes: map[Use][]string{ // T, P
			POP:  {"https://outlook.office.com/POP.AccessAsUser.All"},
			IMAP: {"https://outlook.office.com/IMAP.AccessAsUser.All"},
			SMTP: {"https://outlook.office.com/SMTP.Send"},
		},
		Beside: []string{"offline_access", "openid", "email", "profile"},
		App:    []string{"https://outlook.office365.com/.default"}, // P
		Flows:  []Flow{FlowDevice, FlowLoopback, FlowPaste, FlowApp},
		// P: registered as http://localhost, any port fits; 127.0.0.1 cannot be registered on the usual page.
		Redirect: "http://localhost",
		// No error is final: transient faults came as invalid_grant (simonrob/email-oauth2-proxy#123).
		Idle: 90 * day, // P
		Prepare: []string{
			"Register an application of your own in Microsoft Entra, as a public client (platform \"Mobile and desktop applications\", redirect address http://localhost), and allow public client flows; its id goes into the configuration.",
			"It needs the delegated permissions for POP, IMAP or SMTP of Office 365 Exchange Online; in a company an administrator may have to consent.",
		},
	},
	{
		Name: "fastmail", Title: "Fastmail",
		AuthURL:  "https://api.fastmail.com/oauth/authorize", // T
		TokenURL: "https://api.fastmail.com/oauth/refresh",   // T
		Scopes: map[Use][]string{ // T
			POP:  {"https://www.fastmail.com/dev/protocol-pop"},
			IMAP: {"https://www.fastmail.com/dev/protocol-imap"},
			SMTP: {"https://www.fastmail.com/dev/protocol-smtp"},
		},
		Flows:    []Flow{FlowLoopback, FlowPaste},
		Redirect: "http://localhost", // P
		Prepare: []string{
			"Fastmail registers clients by mail only (fastmail.com/developer/oauth); an app password is simpler.",
		},
	},
	{
		Name: "yahoo", Title: "Yahoo",
		AuthURL:  "https://api.login.yahoo.com/oauth2/request_auth",                     // T
		TokenURL: "https://api.login.yahoo.com/oauth2/get_token",                        // T
		Scopes:   map[Use][]string{POP: {"mail-w"}, IMAP: {"mail-w"}, SMTP: {"mail-w"}}, // T
		Flows:    []Flow{FlowLoopback, FlowPaste},
		Basic:    true, // P: as its pages and their users have it
		Prepare:  []string{"Yahoo gives the scope for mail to no new client: this works only with one that has it already. Others use an app password."},
	},
	{
		Name: "comcast", Title: "Comcast",
		AuthURL:  "https://oauth.xfinity.com/oauth/authorize", // T
		TokenURL: "https://oauth.xfinity.com/oauth/token",     // T
		Scopes: map[Use][]string{ // T
			POP: {"https://email.comcast.net/"}, IMAP: {"https://email.comcast.net/"}, SMTP: {"https://email.comcast.net/"},
		},
		Beside:  []string{"profile", "openid"}, // T
		Flows:   []Flow{FlowLoopback, FlowPaste},
		Secret:  true, // T
		Prepare: []string{"Comcast has no page where a client can be registered by oneself: ask them for one."},
	},
	{
		Name: "seznam", Title: "Seznam",
		AuthURL:  "https://login.seznam.cz/api/v1/oauth/auth",  // P: vyvojari.seznam.cz/oauth
		TokenURL: "https://login.seznam.cz/api/v1/oauth/token", // P
		// An earlier edition of T, with calendar beside them.
		Scopes:  map[Use][]string{POP: {"identity", "email"}, IMAP: {"identity", "email"}, SMTP: {"identity", "email"}},
		Flows:   []Flow{FlowLoopback, FlowPaste},
		Prepare: []string{"Register a client at vyvojari.seznam.cz; its id and secret go into the configuration."},
	},
	{
		Name: "mail.ru", Title: "Mail.ru",
		AuthURL:  "https://o2.mail.ru/login", // T
		TokenURL: "https://o2.mail.ru/token", // T
		// T names the scope for IMAP and SMTP. That it serves POP too is not known.
		Scopes:  map[Use][]string{POP: {"mail.imap"}, IMAP: {"mail.imap"}, SMTP: {"mail.imap"}},
		Flows:   []Flow{FlowLoopback, FlowPaste},
		Secret:  true, // T
		Prepare: []string{"Register a client at o2.mail.ru/app; its id and secret go into the configuration. Whether its tokens open POP3 is not known: an app password does."},
	},
	{
		Name: "yandex", Title: "Yandex",
		AuthURL:   "https://oauth.yandex.com/authorize",   // T
		TokenURL:  "https://oauth.yandex.com/token",       // T
		DeviceURL: "https://oauth.yandex.com/device/code", // P: yandex.com/dev/id/doc/en/codes/screen-code-oauth
		Scopes: map[Use][]string{ // T; there is none for POP3
			IMAP: {"mail:imap_full"}, SMTP: {"mail:smtp"},
		},
		Flows:       []Flow{FlowLoopback, FlowPaste, FlowDevice},
		DeviceGrant: "device_code", // P: the same page, not RFC 8628's
		Prepare:     []string{"Register a client at oauth.yandex.com with the rights for mail; its id and secret go into the configuration."},
	},
}
