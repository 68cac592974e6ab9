package fetcher

import "strings"

// Provider is what is known of a mailbox provider before it is asked.
type Provider struct {
	RetrHides   bool // hides from later listings what was RETRieved in a session that ended with QUIT
	NeverDelete bool // DELE must not be sent on this login
}

// providers by host name. Gmail lists the oldest mail not yet fetched; with "recent:" before the user name it lists
// the last 30 days whatever was fetched, and DELE there acts on mail that another client may not have seen (Google's
// help on POP settings).
var providers = map[string]Provider{
	"pop.gmail.com":      {RetrHides: true},
	"pop.googlemail.com": {RetrHides: true},
}

// ProviderOf looks up a host; the zero Provider is an ordinary POP3 server.
func ProviderOf(host, username string) Provider {
	p := providers[strings.ToLower(strings.TrimSuffix(host, "."))]
	if p.RetrHides && strings.HasPrefix(username, "recent:") {
		return Provider{NeverDelete: true}
	}
	return p
}
