// Package config turns a TOML file into checked values, with file, line and key in every error.
//
// An account has what the table defaults says and it does not, and may stand in a file of its own, which the key include
// names.
//
// It reports all problems of these files at once, accepts no key that it doesn't know, and never puts the value of a secret
// into an error or into anything printed. It reads the files, and asks the file system for time zones and whether a
// systemd credential exists; it opens no socket, creates nothing, runs nothing and reads no secret from elsewhere: that
// happens at login.
// What the text says, and how a problem of it is worded, is the package document's affair. Key names are case-sensitive.
package config

import "time"

// Config is a whole configuration, checked and with all defaults filled in.
type Config struct {
	File     string    // where it was read from, as given to Load or Parse
	Edition  string    // of File and what it includes: another one since one was written again; "" from Parse
	StateDir string    // absolute; may not exist yet
	Parallel int       // accounts at a time; at least 1
	PerHost  int       // connections to one host at a time; 0: no limit
	HostRate int       // new connections to one host in a minute; 0: no limit
	Log      Log       // what is logged, how and where
	Control  Control   // how commands reach the daemon
	Metrics  Metrics   // where monitoring finds figures
	Alarm    Alarm     // who is told when a person is needed
	Limits   Limits    // bounds on time, memory and disk
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

// Account is one mailbox on one server and where its mail goes.
type Account struct {
	Name     string // [a-z0-9._-]{1,64}, begins with a letter, a digit or an underscore
	Host     string // a name or an address, without brackets
	Port     int    // the one to connect to, never 0
	TLS      TLS    // how the connection is protected
	CAFile   string // absolute path of PEM certificates trusted in addition; "": none
	Insecure bool   // the person accepts a login without encryption to a host that is not this machine
	Username string // without CR, LF and NUL
	Auth     Auth   // how to log in

	Pipelining bool  // commands are sent ahead where the server announces it; false: one at a time
	Sizes      Sizes // what the sizes are worth that the server lists

	Schedule   string        // cron with five fields, or a descriptor such as "@every 10m"; never empty
	Timezone   string        // IANA name, in which Schedule counts unless it names one itself; "": the machine's
	Jitter     time.Duration // each run is shifted by a stable part of it; from 0 to 24 hours; 0: none
	RunAtStart bool          // a run when the daemon starts, whatever Schedule says
	Alarm      bool          // false: nobody is told of its troubles

	Delete Delete // what happens on the server to delivered mail
	// DeleteQuarantined lets Delete act at once on a message that only a fallback took, not after seven days.
	DeleteQuarantined bool

	MaxSize int64        // octets; larger messages are skipped; 0: no limit
	Limit   int          // new messages per pass; 0: no limit
	Secret  SecretSource // where the password is found at login
	Deliver []Deliver    // in the order of the file; at least one, with different names
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
	AuthAuto  Auth = "auto"  // what the server announces
	AuthPlain Auth = "plain" // AUTH PLAIN (RFC 5034, RFC 4954)
	AuthUser  Auth = "user"  // USER and PASS (RFC 1939); for accounts
	AuthLogin Auth = "login" // AUTH LOGIN, which was never standardised; for destinations
)

// Which of them may be written where.
var (
	accountAuths = []string{string(AuthAuto), string(AuthPlain), string(AuthUser)}
	deliverAuths = []string{string(AuthAuto), string(AuthPlain), string(AuthLogin)}
)

// Sizes says what the sizes are worth that a server lists.
type Sizes string

// What sizes are worth.
const (
	SizesAuto   Sizes = "auto"   // what is learned of the server
	SizesIgnore Sizes = "ignore" // nothing: they are no evidence that a message is whole, or which one it is
)

// Delete says what happens to a message on the server once it is delivered everywhere.
type Delete struct {
	Kind DeleteKind
	Age  time.Duration // for DeleteAge, more than 0; else 0
}

// DeleteKind is the kind of a Delete. The zero value keeps everything.
type DeleteKind int

// The kinds of Delete.
const (
	DeleteNever DeleteKind = iota
	DeleteAfterDelivery
	DeleteAge
)

// Options are what a caller may add to the checks.
type Options struct {
	// CheckSchedule tells whether a schedule can be used. Its error is shown to the person. nil: any text will do.
	CheckSchedule func(spec string) error
}
