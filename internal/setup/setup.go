// Package setup does the work of 'popsync setup': it finds the server of an address, has a person agree to it, asks where the mail shall
// go, tries the login, and writes the account into a file of its own.
//
// It keeps to an order: what could keep the account from being written is found out first, the password is asked for last, and nothing
// is written before a login has worked. It logs in twice at most, never by a way without TLS, and never at a server that was not agreed
// to. When it is stopped, nothing of it stays behind.
//
// It reads no configuration and knows no server: internal/discovery finds servers, and its caller, cmd/popsync, gives it a World. Its
// errors have their exit codes.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/discovery"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
)

// Request is what the command line says. What is "" or false is asked for, or found.
type Request struct {
	Address string
	Name    string // of the account
	Server  string // HOST or HOST:PORT
	User    string // the user name

	NonInteractive bool
	AcceptHost     string
	Print, Offline bool

	PasswordCommand, PasswordFile string
	PasswordStdin, Credential     bool
	OAuth                         string // the NAME of [oauth.NAME]

	Maildir, IMAP, Gmail, SMTP string // at most one: a path, HOST[:PORT], an address, HOST[:PORT]
	To                         string // with IMAP its user name, with SMTP the recipient
	ToPasswordFile             string
	Fetch                      string // all or new
	Delete                     string
}

// World is what is around the account.
type World struct {
	Command  string // how popsync is called for this configuration: "popsync", or with --config
	Config   string // the main configuration
	Missing  bool   // there is none yet
	Folder   string // where the files of accounts are
	Home     string
	Accounts []Account
	Grants   []Grant

	Finder discovery.Finder
	// Detour tells that connections leave this machine by a way that hides it: only the table is looked at then.
	Detour bool
	// Known is what is known of a provider beside what its source says: what a person must do there, least time between logins.
	Known func(host, username string) (hint string, interval time.Duration)
	// Sound tells what is wrong with the configuration that would be.
	Sound func(t Trial) error
	// Look looks at an account as 'popsync check' does, as far as depth says. It prints what it finds; if it does not log in at the
	// server, only what is wrong.
	Look func(ctx context.Context, t Trial, depth Depth) (Saw, error)
	// Baseline marks what is on the server as seen, and Unmark takes that back. Both print what they did.
	Baseline func(ctx context.Context, t Trial) error
	Unmark   func(ctx context.Context, t Trial) error
	// Reload tells a running daemon; told: there is one.
	Reload func(ctx context.Context) (told bool, err error)
	Now    func() time.Time
}

// Account is one that is configured.
type Account struct {
	Name     string
	Host     string
	Username string
}

// Grant is an [oauth.NAME] that is configured.
type Grant struct{ Name, Provider string }

// Depth is how far a look goes.
type Depth int

// The depths.
const (
	Offline Depth = iota // nobody is asked
	Places               // the places that mail goes to are asked
	Whole                // they are, and the server
)

// Saw is what a look saw.
type Saw struct {
	Worst   verdict.Class
	Refused bool // the server refused the login, and nothing else was wrong: another user name may help
}

// Trial is an account that is not written yet: the text that would be in its file, with its passwords in it.
type Trial struct {
	File, Name string
	Text       []byte
}

// setup is one run.
type setup struct {
	*console.Console
	Request
	World

	address discovery.Address
	noGuess bool
	found   discovery.Found
	hint    string
	account account
	logins  int // that were tried
	made    []func()
}

// mostLogins is how many logins a setup may try: many providers lock an account after three.
const mostLogins = 2

// Run sets an account up.
func Run(ctx context.Context, c *console.Console, r Request, w World) (err error) {
	s := &setup{Console: c, Request: r, World: w}
	defer func() {
		if err != nil {
			s.undo()
		}
		if errors.Is(err, io.EOF) {
			err = exit.Errorf(exit.Temp, "the terminal was closed; nothing was written")
		}
		if errors.Is(err, errStopped) {
			err = nil
		}
	}()
	for _, step := range []func(context.Context) error{
		s.begin, s.meant, s.find, s.agree, s.way, s.confirm, s.destination, s.mail, s.secrets,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if s.Print {
		_, err := c.Out.Write(s.text(false))
		return err
	}
	if err := s.try(ctx); err != nil {
		return err
	}
	if err := s.write(ctx); err != nil {
		return err
	}
	return s.next(ctx)
}

// errStopped ends a setup that a person did not go on with.
var errStopped = errors.New("the person stopped it")

// begin looks at what was said, and whether an account can be written at all.
func (s *setup) begin(context.Context) (err error) {
	if s.address, err = discovery.ParseAddress(strings.TrimSpace(s.Address)); err != nil {
		return exit.Errorf(exit.Usage, "%q is no mail address: %w", s.Address, err)
	}
	if err := s.fits(); err != nil {
		return err
	}
	if err := s.name(); err != nil {
		return err
	}
	if err := s.flags(); err != nil || s.Print {
		return err
	}
	for _, folder := range []string{s.Folder, parent(s.Config)} {
		if folder == parent(s.Config) && !s.Missing {
			continue
		}
		if err := writable(folder); err != nil {
			return exit.With(exit.Config, nextstep.With(fmt.Errorf("the account could not be written: %w", err),
				"say it as the user that popsync runs as, who may need a folder of his own there, such as: install -d -o popsync -m 700 "+safepath.Quote(s.Folder)+"; or name another configuration by --config"))
		}
	}
	return nil
}

// flags looks whether the name and the policy that were said are ones, before the questions.
func (s *setup) flags() error {
	if s.Name == "" && s.Delete == "" {
		return nil
	}
	draft := *s
	draft.found = discovery.Found{Host: "nobody.invalid", Port: 995, Usernames: []string{"nobody"}}
	draft.account.delete, draft.account.place = s.Delete, place{kind: "maildir", path: "/nobody"}
	return s.Sound(Trial{File: s.file(), Name: s.account.name, Text: draft.text(false)})
}

// fits refuses flags that do not go together.
func (s *setup) fits() error {
	places, secrets := 0, 0
	for _, place := range []string{s.Maildir, s.IMAP, s.Gmail, s.SMTP} {
		if place != "" {
			places++
		}
	}
	for _, way := range []bool{s.PasswordCommand != "", s.PasswordFile != "", s.PasswordStdin, s.Credential, s.OAuth != ""} {
		if way {
			secrets++
		}
	}
	switch {
	case places > 1:
		return exit.Errorf(exit.Usage, "mail goes to one place: say one of --maildir, --imap, --gmail and --smtp; more can be written into the file afterwards")
	case secrets > 1:
		return exit.Errorf(exit.Usage, "say one of --password-command, --password-file, --password-stdin, --credential and --oauth")
	case s.Fetch != "" && s.Fetch != "all" && s.Fetch != "new":
		return exit.Errorf(exit.Usage, "--fetch takes all or new")
	case s.PasswordStdin && !s.NonInteractive && !s.Print:
		return exit.Errorf(exit.Usage, "with --password-stdin nothing can be asked: say --non-interactive and --accept-host HOST too")
	case s.NonInteractive && (s.IMAP != "" || s.Gmail != "") && s.ToPasswordFile == "" && !s.Print:
		return exit.Errorf(exit.Usage, "the mailbox that the mail goes to needs a password: say --to-password-file FILE")
	case strings.ContainsAny(s.PasswordCommand, "\"'\\$`|;&<>*?"):
		return exit.Errorf(exit.Usage, "--password-command takes a program and its arguments, separated by blanks; there is no shell. What needs more, write into a script and name that")
	case s.interactive() && !s.asks():
		return exit.Errorf(exit.Usage, "there is no terminal to ask on: say --non-interactive, --accept-host HOST, and where the password is")
	}
	return nil
}
