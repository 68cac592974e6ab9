// Package config turns a TOML file into checked values, with file, line and key in every error.
//
// An account has what the table defaults says and it does not, and may stand in a file of its own: in the folder accounts.d beside
// the document, or where the key include says.
//
// It reports all problems of these files at once, accepts no key that it doesn't know, and never puts the value of a secret
// into an error or into anything printed: Merged writes what all files come to without. It reads the files, and asks the file system for time zones and whether a
// systemd credential exists; it opens no socket, creates nothing, runs nothing and reads no secret from elsewhere: that
// happens at login.
// What the text says, and how a problem of it is worded, is the package document's affair. Key names are case-sensitive.
package config

import (
	"slices"
	"time"
)

// Config is a whole configuration, checked and with all defaults filled in.
type Config struct {
	File     string    // where it was read from, as given to Load or Parse
	StateDir string    // absolute; may not exist yet
	Parallel int       // accounts at a time; at least 1
	PerHost  int       // connections to one host at a time; 0: no limit
	HostRate int       // new connections to one host in a minute; 0: no limit
	Log      Log       // what is logged, how and where
	Control  Control   // how commands reach the daemon
	Metrics  Metrics   // where monitoring finds figures
	Alarm    Alarm     // who is told when a person is needed
	Limits   Limits    // bounds on time, memory and disk
	OAuth    []OAuth   // sorted by name; none: nobody logs in by OAuth
	Accounts []Account // sorted by name; at least one

	// Defaults of all accounts, which hold them already.
	Schedule   string        // cron with five fields, or a descriptor such as "@every 10m"; never empty
	Timezone   string        // as Account.Timezone
	Jitter     time.Duration // as Account.Jitter
	RunAtStart bool          // as Account.RunAtStart
}

// Log says what is logged, how and where.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // auto (console on a terminal, else json), console or json
	File   string // absolute path, may not exist yet; "": standard error
}

// TLS is how a connection is protected. There is no opportunistic value on purpose.
type TLS string

// The ways to protect a connection.
const (
	TLSImplicit TLS = "implicit" // TLS from the first byte (RFC 8314)
	TLSStartTLS TLS = "starttls" // required upgrade by STLS (RFC 2595), or STARTTLS (RFC 3207)
	TLSNone     TLS = "none"     // only to this machine, or with insecure_plaintext
)

// Auth is how to log in.
type Auth string

// The ways to log in.
const (
	AuthAuto     Auth = "auto"     // what worked last, else the best that the server announces
	AuthPlain    Auth = "plain"    // SASL PLAIN (RFC 4616)
	AuthLogin    Auth = "login"    // SASL LOGIN, which was never standardised
	AuthExternal Auth = "external" // SASL EXTERNAL (RFC 4422): the client certificate says it all, and there is no password
	authXOAUTH2  Auth = "xoauth2"
	authBearer   Auth = "oauthbearer"
	AuthUser     Auth = "user" // USER and PASS (RFC 1939); for accounts
	AuthAPOP     Auth = "apop" // APOP (RFC 1939); for accounts
)

// Which of them may be written where: the names of SASL mechanisms, in lower case.
var (
	deliverAuths = []string{
		string(AuthAuto), string(AuthPlain), string(AuthLogin), "scram-sha-256", "scram-sha-1", "scram-sha-256-plus", "scram-sha-1-plus",
		"xoauth2", "oauthbearer", "cram-md5", string(AuthExternal),
	}
	accountAuths = append(slices.Clone(deliverAuths), string(AuthUser), string(AuthAPOP))
)

// AccountAuths are the values that the auth of an account may have.
func AccountAuths() []string { return slices.Clone(accountAuths) }

// Options are what a caller may add to the checks.
type Options struct {
	// CheckSchedule tells whether a schedule can be used. Its error is shown to the person. nil: any text will do.
	CheckSchedule func(spec string) error
	// CheckOAuth tells what keeps a grant from being used for "pop", "smtp", "imap" or "gmail", by which key of its table that is to be mended ("":
	// by none alone), and what to do. "" for a text: nothing. nil: anything will do.
	CheckOAuth func(o OAuth, use string) (key, text, hint string)
}
