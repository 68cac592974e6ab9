package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// Oddity is something in a sound configuration that is hardly meant. Nothing of a secret is in it, and nothing of an argument
// that may be one.
type Oddity struct {
	Account     string        // whom it concerns; "": the whole configuration
	Destination string        // of that account, by its name; "": the account itself
	Key         document.Path // such as account.work.deliver[0].command[1], counted from 0
	Text        string        // what is odd
	Next        string        // what to do about it
}

// Oddities looks for what is hardly meant. It goes by what is written, and asks neither the file system nor any server.
func (c *Config) Oddities() (all []Oddity) {
	add := func(o Oddity) { all = append(all, o) }
	for _, v := range []struct {
		key   document.Path
		value string
	}{
		{"state_dir", c.StateDir}, {"log.file", c.Log.File}, {"metrics.textfile", c.Metrics.Textfile},
	} {
		oddPath(add, Oddity{Key: v.key}, v.value)
	}
	if variable.MatchString(c.Alarm.Webhook.Reveal()) {
		add(Oddity{Key: "alarm.webhook", Text: "${...} is in it, and is not expanded", Next: "write the whole URL: popsync expands no variables"})
	}
	oddArguments(func(o Oddity) {
		if !strings.Contains(o.Next, "/bin/sh") { // it is no shell that is missed
			o.Next = "what the program needs is in its environment, such as POPSYNC_ACCOUNT and POPSYNC_SUBJECT, and on standard input"
		}
		add(o)
	}, Oddity{Key: "alarm.command"}, c.Alarm.Command, nil)
	for _, o := range c.OAuth {
		at := document.Path("oauth").Key(o.Name)
		if !o.Used {
			add(Oddity{Key: at, Text: "no account and no destination uses it", Next: `write oauth = "` + o.Name + `" where it is meant, in place of a password; or remove it`})
		}
		of := func(key string) Oddity { return Oddity{Key: at.Key(key)} }
		if o.Secret.Kind == SecretFile {
			oddPath(add, of("client_secret_file"), o.Secret.File)
		}
		oddArguments(add, of("client_secret_command"), o.Secret.Command, nil)
		oddPath(add, of("key_file"), o.KeyFile)
		oddArguments(add, of("token_command"), o.TokenCommand, nil)
	}
	for i := range c.Accounts {
		c.Accounts[i].oddities(add)
	}
	return all
}

func (a *Account) oddities(add func(Oddity)) {
	at := document.Path("account").Key(a.Name)
	of := func(key string) Oddity { return Oddity{Account: a.Name, Key: at.Key(key)} }
	oddText(add, of("username"), a.Username)
	a.Trust.odd(add, of, a.TLS)
	a.Trust.oddExternal(add, of, a.Auth, a.Network)
	oddSource(add, of, a.Secret)
	a.Network.oddities(add, of)
	oddPort(add, of("tls"), pop3Ports, a.Port, a.TLS)
	a.oddPolicy(add, of)
	oddArguments(add, of("new_mail_command"), a.NewMail, []string{"{account}", "{new}"})
	for i := range a.Deliver {
		d := &a.Deliver[i]
		place := at.Key("deliver").Index(i)
		of := func(key string) Oddity {
			return Oddity{Account: a.Name, Destination: d.Name, Key: place.Key(key)}
		}
		typeOf(d).odd(d, add, of)
	}
}

// oddPolicy looks for exceptions from a policy that there is not.
func (a *Account) oddPolicy(add func(Oddity), of func(key string) Oddity) {
	say := func(key, text, next string) {
		o := of(key)
		o.Text, o.Next = text, next
		add(o)
	}
	switch {
	case a.Delete.Kind == DeleteNever && a.DeleteLarger > 0:
		say("delete_larger", `it does nothing: delete is "never", and then large mail stays, too`, `write delete = "30d", say; to have nothing but large mail deleted, an age such as "36500d"`)
	case a.Delete.Kind == DeleteAfterDelivery && a.DeleteLarger > 0:
		say("delete_larger", `it does nothing: delete is "after-delivery", and all mail goes at once`, "leave it out, or write an age for delete")
	}
	if a.Delete.Kind == DeleteNever && a.DeleteKeep > 0 {
		say("delete_keep", `it does nothing: delete is "never", and all mail stays`, "leave it out, or say with delete when the others go")
	}
	if a.MaxSize > 0 && a.DeleteLarger >= a.MaxSize {
		say("delete_larger", "it does nothing: what is larger than max_size is not fetched, and so never deleted", "write less than max_size, or leave max_size out")
	}
}

// oddSource looks at where a secret is found, not at the secret: that is for whoever reads it.
func oddSource(add func(Oddity), of func(key string) Oddity, s SecretSource) {
	if s.Kind == SecretFile {
		oddPath(add, of("password_file"), s.File)
	}
	oddArguments(add, of("password_command"), s.Command, nil)
}

// variable is what looks like a variable that somebody is to expand; inPath is that in a path, where $NAME is meant so too.
var (
	variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}|^\$[A-Z_][A-Z0-9_]*$|^%[A-Z_][A-Z0-9_]*%$`)
	inPath   = regexp.MustCompile(`\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|%[A-Z_][A-Z0-9_]*%`)
)

const notExpanded = "popsync expands no variables: write the value itself; a secret comes by password_command, password_file or a systemd credential"

func oddText(add func(Oddity), o Oddity, value string) {
	if found := variable.FindString(value); found != "" {
		o.Text, o.Next = fmt.Sprintf("%s is in it, and is taken as it stands", found), notExpanded
		add(o)
	}
}

func oddPath(add func(Oddity), o Oddity, value string) {
	if found := inPath.FindString(value); found != "" {
		o.Text, o.Next = fmt.Sprintf("%s is in it, and is taken for the name of a folder or file", found), "write the path itself, or ~/...: popsync expands no variables"
		add(o)
	}
}
