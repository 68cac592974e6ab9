// Package providers knows the POP3 servers of the larger mail providers by the domains of their addresses, without asking anybody.
// What it knows is a table of its own with its own licence, in the folder table: facts read out of Mozilla's ISPDB.
//
// It lists servers with TLS only, and asks no network. What a provider wants of programs, such as time between two logins, is known
// better by fetcher/health; the table has only what the ISPDB says. internal/discovery and internal/setup use it.
package providers

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table has a line for each provider; its second line names the columns.
//
//go:embed table/pop3.tsv
var table string

// Provider is a POP3 server of the table.
type Provider struct {
	Name     string // as the ISPDB has it, for example googlemail.com
	Host     string
	Port     int
	StartTLS bool          // TLS begins by STLS; else from the first byte
	Username string        // with the placeholders of autoconfig: %EMAILADDRESS%, %EMAILLOCALPART%, %EMAILDOMAIN%
	Password bool          // it lets programs log in by a password, which may be one of their own
	OAuth    bool          // it lets them log in by OAuth
	Interval time.Duration // least time between two logins; 0: none is known

	domains []string
}

// Of is the provider whose addresses end in a domain, which is in lower case and ASCII.
func Of(domain string) (Provider, bool) {
	for p := range all {
		if slices.Contains(p.domains, domain) {
			return p, true
		}
	}
	return Provider{}, false
}

// all gives each line of the table that is whole. TestTable sees to it that all are.
func all(yield func(Provider) bool) {
	for line := range strings.Lines(table) {
		if p, ok := parse(line); ok && !yield(p) {
			return
		}
	}
}

func parse(line string) (p Provider, ok bool) {
	f := strings.Split(strings.TrimRight(line, "\n"), "\t")
	if strings.HasPrefix(line, "#") || len(f) != 8 {
		return p, false
	}
	port, err := strconv.Atoi(f[2])
	if err != nil {
		return p, false
	}
	p = Provider{Name: f[0], Host: f[1], Port: port, StartTLS: f[3] == "starttls", Username: f[4], domains: strings.Fields(f[7])}
	switch p.Username {
	case "address":
		p.Username = "%EMAILADDRESS%"
	case "local-part":
		p.Username = "%EMAILLOCALPART%"
	}
	for way := range strings.SplitSeq(f[5], ",") {
		p.OAuth = p.OAuth || way == "OAuth2"
		p.Password = p.Password || strings.HasPrefix(way, "password-")
	}
	for hint := range strings.SplitSeq(f[6], ",") {
		if minutes, ok := strings.CutPrefix(hint, "interval="); ok {
			n, _ := strconv.Atoi(minutes)
			p.Interval = time.Duration(n) * time.Minute
		}
	}
	return p, true
}
