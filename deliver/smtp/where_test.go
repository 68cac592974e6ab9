package smtp

import (
	"context"
	"strings"
	"testing"
)

func TestWhere(t *testing.T) {
	base := Options{Address: "Relay.example.org:25", To: []string{"b@Example.org", "A@example.org"}}
	with := func(f func(*Options)) Options {
		o := base
		o.To = append([]string(nil), base.To...)
		f(&o)
		return o
	}
	if got, want := base.Where(), "smtp relay.example.org:25 to A@example.org b@example.org"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if base.To[0] != "b@Example.org" {
		t.Errorf("it changed the options: %q", base.To)
	}
	header := Options{LMTP: true, Address: "unix:/run/A b", EnvelopeHeader: "X-Original-To", EnvelopeSkip: 1, AllowDomains: []string{"b.org", "A.org"}}
	if got, want := header.Where(), "lmtp unix:/run/A%20b header x-original-to 1 a.org b.org"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for name, same := range map[string]Options{
		"order and spelling": with(func(o *Options) { o.To = []string{"A@EXAMPLE.org", "b@example.org", "A@example.ORG"} }),
		"address in capital": with(func(o *Options) { o.Address = "RELAY.EXAMPLE.ORG:25" }),
		"sender":             with(func(o *Options) { o.From = "x@example.org" }),
		"login": with(func(o *Options) {
			o.Username = "hunter2"
			o.Password = func(context.Context) (string, error) { return "hunter2", nil }
		}),
		"TLS": with(func(o *Options) { o.TLS = StartTLS }),
	} {
		if got := same.Where(); got != base.Where() || strings.Contains(got, "hunter2") {
			t.Errorf("with another %s it is %q", name, got)
		}
	}
	seen := map[string]string{base.Where(): "base", header.Where(): "header"}
	for name, other := range map[string]Options{
		"kind":        with(func(o *Options) { o.LMTP = true }),
		"port":        with(func(o *Options) { o.Address = "relay.example.org:26" }),
		"recipient":   with(func(o *Options) { o.To = o.To[:1] }),
		"local part":  with(func(o *Options) { o.To[1] = "a@example.org" }),
		"header":      {LMTP: true, Address: "unix:/run/A b", EnvelopeHeader: "To", EnvelopeSkip: 1, AllowDomains: []string{"b.org", "a.org"}},
		"skip":        {LMTP: true, Address: "unix:/run/A b", EnvelopeHeader: "X-Original-To", AllowDomains: []string{"b.org", "a.org"}},
		"domains":     {LMTP: true, Address: "unix:/run/A b", EnvelopeHeader: "X-Original-To", EnvelopeSkip: 1, AllowDomains: []string{"b.org"}},
		"prefix":      {LMTP: true, Address: "unix:/run/A b", EnvelopeHeader: "X-Original-To", EnvelopeSkip: 1, EnvelopePrefix: "a-", AllowDomains: []string{"b.org", "a.org"}},
		"socket":      {LMTP: true, Address: "unix:/run/a b", EnvelopeHeader: "X-Original-To", EnvelopeSkip: 1, AllowDomains: []string{"b.org", "a.org"}},
		"number":      {LMTP: true, Address: "unix:/run/A b", EnvelopeHeader: "1", EnvelopeSkip: 1, AllowDomains: []string{"b.org"}},
		"word":        {LMTP: true, Address: "unix:/run/A b", EnvelopeHeader: "header", EnvelopeSkip: 1, AllowDomains: []string{"b.org"}},
		"like spaces": with(func(o *Options) { o.To = []string{"A@example.org b@example.org"} }),
	} {
		if was, ok := seen[other.Where()]; ok {
			t.Errorf("another %s is %q, as %s", name, other.Where(), was)
		}
		seen[other.Where()] = name
	}
}
