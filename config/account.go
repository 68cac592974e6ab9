package config

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/popsync/popsync/config/document"
)

// Account is one mailbox on one server and where its mail goes.
type Account struct {
	Name     string // [a-z0-9._-]{1,64}, begins with a letter, a digit or an underscore
	Host     string // a name or an address, without brackets
	Port     int    // the one to connect to, never 0
	TLS      TLS    // how the connection is protected
	Insecure bool   // the person accepts a login without encryption to a host that is not this machine
	Username string // without CR, LF and NUL
	Auth     Auth   // how to log in
	Trust

	Network Network // how connections to the server leave this machine

	Pipelining bool  // commands are sent ahead where the server announces it; false: one at a time
	Sizes      Sizes // what the sizes are worth that the server lists

	Schedule   string        // cron with five fields, or a descriptor such as "@every 10m"; never empty
	Timezone   string        // IANA name, in which Schedule counts unless it names one itself; "": the machine's
	Jitter     time.Duration // each run is shifted by a stable part of it; from 0 to 24 hours; 0: none
	RunAtStart bool          // a run when the daemon starts, whatever Schedule says
	Alarm      bool          // false: nobody is told of its troubles

	NewMail []string // a program and its arguments that is run after a pass that brought mail; empty: none

	Delete Delete // what happens on the server to delivered mail
	// DeleteQuarantined lets Delete act at once on a message that only a fallback took, not after seven days.
	DeleteQuarantined bool
	DeleteKeep        int   // so many, the newest, stay whatever Delete says of the others; 0: none
	DeleteLarger      int64 // octets; delivered mail larger than that does not wait for the age that Delete says; 0: all does

	FirstFetch FirstFetch // what is fetched when the mailbox is seen for the first time

	MaxSize   int64        // octets; larger messages are skipped; 0: no limit
	Limit     int          // new messages per pass; 0: no limit
	LimitSize int64        // octets per pass, but for one message that always goes; 0: no limit
	Secret    SecretSource // where the password is found at login
	Deliver   []Deliver    // in the order of the file; at least one, with different names
}

// Sizes says what the sizes are worth that a server lists.
type Sizes string

// What sizes are worth.
const (
	SizesAuto   Sizes = "auto"   // what is learned of the server
	SizesIgnore Sizes = "ignore" // nothing: they are no evidence that a message is whole, or which one it is
)

// accounts is the converter of [account.NAME]. It adds to cfg, which has the defaults.
func (c *checker) accounts(cfg *Config) convert {
	return func(v any) *fault {
		if list, ok := asTables(v); ok { // checked all the same, so that their other problems show
			for i, m := range list {
				c.account(document.Path("account").Index(i), "", m, cfg)
			}
			return &fault{text: "accounts are tables with names, not a list", hint: "write [account.NAME] instead of [[account]]"}
		}
		m, ok := v.(map[string]any)
		if !ok {
			return want("a table", v, "write [account.NAME], for example [account.work]")
		}
		if len(m) == 0 {
			return &fault{text: "no account", hint: "write [account.NAME], for example [account.work]"}
		}
		nameless := false
		for _, name := range slices.Sorted(maps.Keys(m)) {
			at := document.Path("account").Key(name)
			if a, ok := m[name].(map[string]any); ok {
				if f := checkName(name); f != nil {
					c.add(at, f.text, f.hint)
				}
				cfg.Accounts = append(cfg.Accounts, c.account(at, name, a, cfg))
			} else if c.isAccountKey(name) {
				nameless = true
			} else {
				c.add(at, "must be a table, not "+kind(m[name]), "write [account.NAME] and its keys below")
			}
		}
		if nameless {
			return &fault{text: namelessText, hint: namelessHint}
		}
		return nil
	}
}

// What is said of [account], whose keys are those of an account, and what to do.
const (
	namelessText = "keys of an account without a name"
	namelessHint = "write [account.NAME], for example [account.work]"
)

// isAccountKey tells whether an account has a key of that name.
func (c *checker) isAccountKey(name string) bool {
	_, known := c.accountKeys("", &Account{}, &source{})[name]
	return known
}

// account checks the table of one account; its name is checked by the caller.
func (c *checker) account(at document.Path, name string, m map[string]any, cfg *Config) Account {
	a := Account{
		Name: name, TLS: TLSImplicit, Auth: AuthAuto, Pipelining: true, Sizes: SizesAuto, Alarm: true,
		Schedule: cfg.Schedule, Timezone: cfg.Timezone, Jitter: cfg.Jitter, RunAtStart: cfg.RunAtStart,
	}
	var s source
	before := len(c.problems)
	c.table(at, m, c.accountKeys(at, &a, &s))
	for _, k := range []string{"host", "username"} {
		if _, ok := m[k]; !ok {
			c.add(at.Key(k), "missing", "")
		}
	}
	if _, ok := m["deliver"]; !ok {
		c.add(at.Key("deliver"), "no destination", "add [["+string(at.Key("deliver"))+"]] with type = \"maildir\" and path")
	}
	a.Secret = c.certified(at, m, a.Auth, c.secret(at, m, s, accountCredentials(name)...))
	if a.Secret.Kind == "" && a.Auth != AuthExternal {
		a.Secret.Kind = SecretPrompt
	}
	a.Host = bareHost(a.Host)
	if a.Port == 0 {
		a.Port = defaultPort(a.TLS)
	}
	c.network(at, m, &a.Network, a.Host)
	a.Trust.finish(&c.report, at, m)
	if a.TLS == TLSNone && !a.Insecure {
		c.plaintext(at, "the password", a.Host, a.Network.elsewhere(), before)
	}
	for i := range a.Deliver {
		if n, local := typeOf(&a.Deliver[i]).network(&a.Deliver[i]); n != nil {
			n.inherit(a.Network, local)
		}
		if m := a.Deliver[i].IMAP; m != nil && m.isThatOf(a.Host, a.Username) {
			c.add(at.Key("deliver").Index(i).Key("address"), "is the mailbox that the mail is fetched from: each message would come back to it as a new one, again and again",
				`choose another mailbox, or another folder of it, such as folder = "Archive"`)
		}
		if g := a.Deliver[i].Gmail; g != nil && g.isThatOf(a.Host, a.Username) {
			c.add(at.Key("deliver").Index(i).Key("username"), "is the mailbox that the mail is fetched from: each message would come back to it as a new one, again and again",
				"choose another mailbox")
		}
	}
	return a
}

// plaintext is the rule for tls = "none" without consent: what goes to host in the clear stays on this machine.
// Without a sound host, or with a word for consent that isn't understood since problem i, it can't be judged. by is the key that
// makes even the name of this machine mean another; "": none does.
func (r *report) plaintext(at document.Path, what, host, by string, i int) {
	if host == "" || by == "" && loopback(host) || r.concerns(i, at.Key("insecure_plaintext")) {
		return
	}
	text, hint := "would send "+what+" to "+document.Shown(host)+" in the clear", `use "implicit" or "starttls"; if you accept the risk, insecure_plaintext = true`
	switch by {
	case "connect_command":
		text += ", as far as popsync knows: whether connect_command encrypts it cannot see"
		hint = `use "implicit" or "starttls" inside; or if the command encrypts all the way, as ssh does, insecure_plaintext = true`
	case "proxy":
		text += ", through proxy"
	}
	r.add(at.Key("tls"), text, hint)
}

func (c *checker) accountKeys(at document.Path, a *Account, s *source) keys {
	known := keys{
		"host":               text(&a.Host, checkHost),
		"port":               integer(&a.Port, 0, 65535),
		"tls":                oneOf(&a.TLS, string(TLSImplicit), string(TLSStartTLS), string(TLSNone)),
		"insecure_plaintext": boolean(&a.Insecure),
		"username":           text(&a.Username, checkUsername),
		"auth":               oneOf(&a.Auth, accountAuths...),
		"pipelining":         boolean(&a.Pipelining),
		"sizes":              oneOf(&a.Sizes, string(SizesAuto), string(SizesIgnore)),
		"schedule":           c.schedule(&a.Schedule),
		"timezone":           text(&a.Timezone, checkTimezone),
		"jitter":             jitter(&a.Jitter),
		"run_at_start":       boolean(&a.RunAtStart),
		"alarm":              boolean(&a.Alarm),
		"new_mail_command":   programOrNone(c.env, &a.NewMail),
		"delete":             deletion(&a.Delete),
		"delete_quarantined": boolean(&a.DeleteQuarantined),
		"delete_keep":        integer(&a.DeleteKeep, 0, math.MaxInt32),
		"delete_larger":      size(&a.DeleteLarger, 0),
		"first_fetch":        firstFetch(&a.FirstFetch),
		"max_size":           size(&a.MaxSize, 0),
		"limit":              integer(&a.Limit, 0, math.MaxInt32),
		"limit_size":         size(&a.LimitSize, 0),
		"deliver":            c.deliveries(at.Key("deliver"), a.Name, &a.Deliver),
	}
	maps.Copy(known, a.Trust.keys(c.env))
	maps.Copy(known, sourceKeys(c.env, s, "leave the key out to be asked on a terminal"))
	maps.Copy(known, networkKeys(c.env, &a.Network))
	return known
}
