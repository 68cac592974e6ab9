package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/discovery"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/providers"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// meant asks about a domain that is nearly a known one. Whoever owns such a domain may have waited for passwords, so nothing is
// guessed there.
func (s *setup) meant(ctx context.Context) error {
	near := providers.Near(s.address.Domain)
	if near == "" || s.Server != "" {
		return nil
	}
	s.noGuess = true
	other := s.address
	other.Domain = near
	if s.NonInteractive {
		if s.AcceptHost != "" {
			return nil
		}
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("did you mean %s? %s is nearly the same; nothing was asked, and nobody logged in", other, s.address.Domain),
			s.Command+" setup "+other.String()+"; or, if it is right as it is, name the server by --server and --accept-host"))
	}
	yes, err := s.yes(ctx, fmt.Sprintf("Did you mean %s? %s is nearly the same.", other, s.address.Domain))
	if yes {
		s.address, s.noGuess = other, false
		return s.name()
	}
	return err
}

// find finds the server.
func (s *setup) find(ctx context.Context) error {
	if s.Server != "" {
		return s.named()
	}
	if s.Detour && !s.Offline {
		s.Offline = true
		s.say("Only popsync's table of providers is looked at: [defaults] sends connections by a way of their own, and questions about the domain would go past it.")
	} else if !s.Offline {
		s.say("Looking for the POP3 server of %s ...", s.address.Domain)
	}
	f := s.Finder
	f.Offline, f.NoGuess = s.Offline, s.noGuess
	found, misses, ok := f.Find(ctx, s.address)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if ok {
		s.found = found
		return nil
	}
	s.say("No server was found. Asked were:")
	for _, m := range misses {
		why := "nothing there"
		if m.Err != nil {
			why = m.Err.Error()
		}
		s.item("  - ", "%s: %s", m.Where, why)
	}
	byName := "name the server: " + s.Command + " setup --server HOST " + s.address.String()
	if discovery.Passing(misses) {
		return exit.With(exit.Temp, nextstep.With(fmt.Errorf("the POP3 server of %s could not be found, as not all could be asked", s.address.Domain),
			"see that this machine reaches the network, and say it again; or "+byName))
	}
	return exit.With(exit.Config, nextstep.With(fmt.Errorf("the POP3 server of %s is not known", s.address.Domain),
		"see that the address is right, and what your provider says of POP3 (some have none), and "+byName))
}

// named is the server that the person named.
func (s *setup) named() error {
	host, port, err := net.SplitHostPort(s.Server)
	if err != nil {
		host, port = strings.Trim(s.Server, "[]"), "995"
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || host == "" || strings.ContainsAny(host, " /\\@\"'") {
		return exit.Errorf(exit.Usage, "--server takes HOST or HOST:PORT, for example: --server pop.example.org")
	}
	host = cmp.Or(discovery.Host(host), strings.ToLower(host))
	s.found = discovery.Found{Source: discovery.FromPerson, Where: "named by you", Host: host, Port: n, StartTLS: n == 110,
		Usernames: []string{s.address.String(), s.address.Local}}
	return nil
}

// agree shows the server, and what is known of it.
func (s *setup) agree(ctx context.Context) error {
	f := &s.found
	if s.User != "" {
		f.Usernames, f.Named = []string{s.User}, true
	}
	for _, acc := range s.Accounts {
		same := func(name string) bool { return strings.EqualFold(name, acc.Username) }
		if strings.EqualFold(acc.Host, f.Host) && slices.ContainsFunc(f.Usernames, same) {
			return exit.With(exit.Config, nextstep.With(fmt.Errorf("account %s fetches this mailbox already: %s at %s", acc.Name, acc.Username, acc.Host),
				s.Command+" check "+acc.Name+"; or, if that is another mailbox, say by --username who you are there"))
		}
	}
	hint, interval := s.Known(f.Host, f.Usernames[0])
	s.hint, f.Interval = hint, max(f.Interval, interval)
	if !s.Detour && (!s.Offline || !s.Print) {
		ip, err := s.Finder.Inside(ctx, f.Host)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && s.logsIn():
			return s.unreachable(err)
		case err == nil && ip.IsValid():
			f.Doubts = append(f.Doubts, fmt.Sprintf("it is at %s, on this machine or in a private network", ip))
		}
	}
	s.show()
	return nil
}

// logsIn tells whether this setup will log in.
func (s *setup) logsIn() bool {
	return !s.Print && !(s.Credential && s.NonInteractive) && s.OAuth == "" && !s.onlyOAuth()
}

// unreachable is for a server whose name leads nowhere: who is asked all the other questions first, and the password, answers in vain.
func (s *setup) unreachable(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("there is no host %s (%s); nobody logged in", s.found.Host, s.found.Where),
			"see what your provider says of POP3, and name its server: "+s.Command+" setup --server HOST "+s.address.String()))
	}
	return exit.With(exit.Temp, nextstep.With(fmt.Errorf("the address of %s could not be found out: %w; nobody logged in", s.found.Host, err),
		"see that this machine reaches the network, and say it again"))
}

// show says what was found and where.
func (s *setup) show() {
	f := s.found
	fmt.Fprintln(s.Err)
	rows := [][]string{
		{"  server", fmt.Sprintf("%s, port %d, %s", f.Host, f.Port, protection(f.StartTLS))},
		{"  its domain", discovery.Owner(f.Host)},
		{"  known from", f.Where},
		{"  user name", f.Usernames[0] + " (" + s.nameFrom() + ")"},
	}
	if f.Provider != "" && f.Source != discovery.FromTable {
		rows = append(rows, []string{"  provider", f.Provider})
	}
	for _, line := range screen.Align(rows) {
		fmt.Fprintln(s.Err, words.Clip(line))
	}
	if f.Interval > 0 {
		fmt.Fprintf(s.Err, "  it wants    %s between two logins\n", words.Roughly(f.Interval))
	}
	fmt.Fprintln(s.Err)
	if f.Enable != "" {
		s.say("POP3 is switched on here: %s", f.Enable)
	}
	if s.hint != "" && !s.onlyOAuth() {
		s.say("Before you go on: %s.", s.hint)
	}
}

func protection(starttls bool) string {
	if starttls {
		return "TLS by STARTTLS, or no login at all"
	}
	return "TLS"
}

// nameFrom tells who says what the user name is.
func (s *setup) nameFrom() string {
	switch {
	case s.User != "":
		return "named by you"
	case s.found.Named:
		return "known from there too"
	}
	return "as is usual; else " + s.found.Usernames[1]
}

// confirm has a person agree. What only a guess, or an answer of DNS, names must be typed.
func (s *setup) confirm(ctx context.Context) error {
	f := s.found
	if s.Print && s.NonInteractive {
		return nil // nobody logs in
	}
	if s.AcceptHost != "" {
		if isHost(s.AcceptHost, f.Host) {
			return nil
		}
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("the server is %s, and --accept-host says %s; nobody logged in", f.Host, words.Clip(s.AcceptHost)),
			"if "+f.Host+" is right, say --accept-host "+f.Host))
	}
	if s.NonInteractive {
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("nobody agreed that the password goes to %s (%s); nobody logged in", f.Host, f.Where),
			"if it is right, say --accept-host "+f.Host))
	}
	if len(f.Doubts) == 0 {
		question := "Shall the password go to this server?"
		if s.account.oauth != "" {
			question = "Shall popsync log in at this server?"
		}
		yes, err := s.yes(ctx, question)
		if err == nil && !yes {
			return s.declined()
		}
		return err
	}
	for _, d := range f.Doubts {
		s.say("Mind: %s.", d)
	}
	owner := discovery.Owner(f.Host)
	said, err := s.ask(ctx, fmt.Sprintf("If the password shall go there, type the domain of the server, %s", owner), "")
	switch {
	case err != nil:
		return err
	case !isHost(said, owner):
		return s.declined()
	}
	return nil
}

// isHost tells whether a person wrote this host, in whatever script.
func isHost(said, host string) bool {
	return strings.EqualFold(strings.TrimSuffix(said, "."), host) || discovery.Host(said) == host
}

func (s *setup) declined() error {
	s.say("Nothing was written, and nobody logged in. To name the server yourself: %s setup --server HOST %s", s.Command, s.address)
	return errStopped
}

// onlyOAuth tells whether the provider takes no password.
func (s *setup) onlyOAuth() bool { return s.found.OAuth && !s.found.Password }

// way decides how to log in.
func (s *setup) way(ctx context.Context) error {
	fitting := ""
	for _, g := range s.Grants {
		switch {
		case s.OAuth != "" && g.Name == s.OAuth, s.OAuth == "" && fitting == "" && g.Provider != "" && g.Provider == oauthOf(s.found.Host):
			fitting = g.Name
		}
	}
	switch {
	case s.OAuth != "" && fitting == "":
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("there is no [oauth.%s] in %s", s.OAuth, s.Config), "docs/oauth.md has it step by step"))
	case s.OAuth != "" || s.onlyOAuth() && fitting != "":
		s.account.oauth = fitting
	case s.onlyOAuth():
		return s.needsOAuth()
	case fitting != "" && s.interactive() && s.PasswordCommand == "" && s.PasswordFile == "" && !s.Credential:
		n, err := s.choose(ctx, "How does popsync log in?", "by a password; where the provider has app passwords, by one of these", "by OAuth, as [oauth."+fitting+"] has it")
		if n == 1 {
			s.account.oauth = fitting
		}
		return err
	}
	return nil
}

// oauthOf is what [oauth.NAME] calls the provider of a host; "": it is not known.
func oauthOf(host string) string {
	for owner, provider := range map[string]string{
		"office365.com": "microsoft", "outlook.com": "microsoft", "gmail.com": "google", "googlemail.com": "google", "yahoo.com": "yahoo",
		"aol.com": "yahoo", "fastmail.com": "fastmail", "comcast.net": "comcast", "mail.ru": "mail.ru", "seznam.cz": "seznam", "yandex.com": "yandex",
	} {
		if discovery.Owner(host) == owner {
			return provider
		}
	}
	return ""
}

// needsOAuth tells what to do where nothing but OAuth opens the mailbox.
func (s *setup) needsOAuth() error {
	provider := oauthOf(s.found.Host)
	if provider == "" {
		provider = "NAME"
	}
	s.say("This provider takes no password for POP3, only a login by OAuth. Once, that needs:")
	s.item("  1. ", "A client of your own, registered at the provider: docs/oauth.md has it step by step.")
	s.item("  2. ", "These lines in %s:", s.Config)
	fmt.Fprintf(s.Err, "\n       [oauth.%s]\n       provider = %q\n       client_id = \"...\"\n\n", provider, provider)
	s.item("  3. ", "The same again: %s setup %s. It then writes the account, and 'popsync login' has you log in with a browser.", s.Command, s.address)
	return exit.With(exit.Config, errors.New("no [oauth.NAME] for this provider is configured; nothing was written, and nobody logged in"))
}
