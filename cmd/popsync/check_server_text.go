package main

import (
	"fmt"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/pop3"
)

// tlsWord is how a connection is protected, for the table and for JSON.
func tlsWord(t config.TLS) string {
	switch t {
	case config.TLSNone:
		return "plain"
	case config.TLSStartTLS:
		return "stls"
	}
	return "tls"
}

// behind puts a word behind another one, if there is one.
func behind(word string) string {
	if word == "" {
		return ""
	}
	return " " + word
}

func tlsText(c *pop3.Client, t config.TLS) string {
	state, ok := c.ConnectionState()
	switch {
	case !ok:
		return "NOT encrypted"
	case t == config.TLSStartTLS:
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
