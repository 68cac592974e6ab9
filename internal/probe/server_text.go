package probe

import (
	"fmt"
	"strings"

	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/pop3"
)

// tlsWord is how a connection is protected, for the table and for JSON.
func tlsWord(t pop3.TLSMode) checkup.Step {
	switch t {
	case pop3.NoTLS:
		return "plain"
	case pop3.StartTLS:
		return "stls"
	}
	return "tls"
}

// Behind puts a word behind another one, if there is one.
func Behind(word string) string {
	if word == "" {
		return ""
	}
	return " " + word
}

func tlsText(c *pop3.Client, t pop3.TLSMode) string {
	state, ok := c.ConnectionState()
	switch {
	case !ok:
		return "NOT encrypted"
	case t == pop3.StartTLS:
		return trust.Describe(state, "STLS")
	}
	return trust.Describe(state, "")
}

func capsText(caps pop3.Capabilities) string {
	has := func(b bool, name string) string {
		if b {
			return name
		}
		return "no " + name + " announced"
	}
	return strings.Join([]string{has(caps.UIDL, "UIDL"), has(caps.Top, "TOP"), has(caps.Pipelining, "PIPELINING")}, ", ")
}

// refusalText is what a server said to UIDL, in brackets.
func refusalText(l *pop3.Listing) string {
	if l.Refusal == "" {
		return ""
	}
	return fmt.Sprintf(" (to UIDL the server said: %s)", l.Refusal)
}

// ByMethod tells how a login went, if that is worth a word: most send the password.
func ByMethod(method string) string {
	if method == "" || sasl.SendsPassword(method) {
		return ""
	}
	return " by " + sasl.Name(method)
}
