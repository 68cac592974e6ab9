package trust

import (
	"strings"

	"github.com/popsync/popsync/internal/secret"
)

// Identity tells, for whoever compares it with an earlier one, what TLS goes by besides the CA file, and when the files of our own
// certificate changed. Nothing, where nothing is set: what was learned of a server before there were such options stays true of it.
func (o Options) Identity() (all []string) {
	add := func(key, value string) {
		if value != "" {
			all = append(all, key+" "+value)
		}
	}
	file := func(path string) string {
		if path == "" {
			return ""
		}
		return secret.Source{File: path}.Identity()
	}
	add("pin", strings.Join(o.Pins, " "))
	add("cert", file(o.ClientCert))
	add("key", file(o.ClientKey))
	add("name", o.ServerName)
	add("least", o.MinVersion)
	if o.Legacy {
		add("legacy", "true")
	}
	return all
}
