package setup

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/discovery"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
)

// account is what is written.
type account struct {
	name     string
	username string
	oauth    string // the NAME of [oauth.NAME]; "": it logs in by a password
	secret   secret
	onlyNew  bool
	delete   string // "" as is usual: never
	place    place
}

// place is where mail goes.
type place struct {
	kind    string // a type of destination
	path    string // of a Maildir
	address string
	user    string
	to      string
	from    string // the sender that mail is sent with; "": its own
	secret  secret
}

// secret is where a password is found. At most one field is set; none: as a systemd credential.
type secret struct {
	value   string   // it goes into a file beside the account
	file    string   // a file of the person's
	command []string // a program that prints it
	later   bool     // it is a systemd credential
}

// name chooses the account's name, and refuses one that is there.
func (s *setup) name() error {
	taken := func(name string) bool {
		return slices.ContainsFunc(s.Accounts, func(a Account) bool { return a.Name == name })
	}
	if s.Name != "" {
		if taken(s.Name) {
			return exit.With(exit.Config, nextstep.With(fmt.Errorf("there is an account %s already", s.Name), "choose another name by --name, or change that account's file"))
		}
		s.account.name = s.Name
		return s.free()
	}
	brand, _, _ := strings.Cut(discovery.Owner(s.address.Domain), ".")
	for _, name := range []string{s.address.Local + "-" + brand, s.address.Local + "-" + s.address.Domain} {
		if s.account.name = plain(name); !taken(s.account.name) {
			return s.free()
		}
	}
	return exit.With(exit.Config, nextstep.With(fmt.Errorf("there is an account %s already", s.account.name), s.Command+" check "+s.account.name+"; for another one of this address say --name NAME"))
}

// free tells whether the files are free that may be written: nothing is written over, and that is to be known before the questions.
func (s *setup) free() error {
	if s.Print || strings.ContainsRune(s.account.name, filepath.Separator) { // no name of an account: Sound says so
		return nil
	}
	for _, path := range []string{s.file(), s.passwordFile(), s.placePasswordFile()} {
		if _, err := os.Lstat(path); err == nil {
			return isThere(path)
		}
	}
	return nil
}

func isThere(path string) error {
	return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s is there already, and nothing is written over", path), "remove or rename it, or choose another name by --name"))
}

// plain makes a name of an account that needs no quotes anywhere.
func plain(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, text)
	name = strings.Trim(name, "-_")
	return name[:min(len(name), 64)]
}

// file is where the account goes.
func (s *setup) file() string { return filepath.Join(s.Folder, s.account.name+".toml") }

// The names of the files beside it.
func (s *setup) passwordFile() string { return filepath.Join(s.Folder, s.account.name+".password") }
func (s *setup) placePasswordFile() string {
	return filepath.Join(s.Folder, s.account.name+".deliver.password")
}

// often is from which least time between two logins on the usual schedule would ask too often.
const often = 10 * time.Minute

// text is the account as it is written, or, revealed, with its passwords in it.
func (s *setup) text(revealed bool) []byte {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s = %s\n", key, quote(value)) }
	a, f := s.account, s.found
	fmt.Fprintf(&b, "# %s, by popsync setup on %s. The server is from: %s.\n# All that can stand here is in config.example.toml.\n",
		s.address, s.Now().Format("2006-01-02"), strings.Map(oneLine, f.Where))
	table := a.name
	if strings.Trim(table, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		table = quote(table)
	}
	fmt.Fprintf(&b, "[account.%s]\n", table)
	line("host", f.Host) // these are written although they are usual: [defaults] may say something else
	fmt.Fprintf(&b, "port = %d\n", f.Port)
	line("tls", map[bool]string{false: "implicit", true: "starttls"}[f.StartTLS])
	user := a.username
	if user == "" {
		user = f.Usernames[0]
	}
	line("username", user)
	if a.oauth != "" {
		line("oauth", a.oauth)
	} else {
		b.WriteString(a.secret.text(revealed, s.passwordFile(), "popsync."+a.name))
	}
	if f.Interval >= often {
		fmt.Fprintf(&b, "# The provider wants %d minutes between two logins.\n", int(f.Interval.Minutes()))
		line("schedule", fmt.Sprintf("@every %dm", int(f.Interval.Minutes())*4/3))
	}
	line("delete", cmp.Or(a.delete, "never"))
	fmt.Fprintf(&b, "\n[[account.%s.deliver]]\n", table)
	line("type", a.place.kind)
	for _, l := range [][2]string{{"path", a.place.path}, {"address", a.place.address}, {"username", a.place.user}} {
		if l[1] != "" {
			line(l[0], l[1])
		}
	}
	if a.place.user != "" {
		b.WriteString(a.place.secret.text(revealed, s.placePasswordFile(), "popsync."+a.name+".deliver."+a.place.kind))
	}
	if a.place.from != "" {
		line("from", a.place.from)
	}
	if a.place.to != "" {
		fmt.Fprintf(&b, "to = [%s]\n", quote(a.place.to))
	}
	return []byte(b.String())
}

// text is the line of the configuration for a secret.
func (k secret) text(revealed bool, beside, credential string) string {
	switch {
	case len(k.command) > 0:
		var words []string
		for _, w := range k.command {
			words = append(words, quote(w))
		}
		return "password_command = [" + strings.Join(words, ", ") + "]\n"
	case k.file != "":
		return "password_file = " + quote(k.file) + "\n"
	case revealed && k.value != "":
		return "password = " + quote(k.value) + "\n"
	case k.later:
		return "# The password is the systemd credential " + credential + ".\n"
	}
	return "password_file = " + quote(beside) + "\n"
}

// quote is a basic string of TOML.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func oneLine(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}
