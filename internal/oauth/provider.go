package oauth

import (
	"slices"
	"strings"
	"time"
)

// Provider is what is known of one, as data: see presets.go.
type Provider struct {
	Name, Title string
	// The endpoints; "": it has none. {tenant} stands for Grant.Tenant.
	AuthURL, TokenURL, DeviceURL, RevokeURL string

	Scopes map[Use][]string // of a person's token; a use that is missing here is not possible
	Beside []string         // scopes that are asked for too: they make the provider say who logged in, or give a refresh token
	App    []string         // scopes of FlowApp
	Params map[string]string

	Flows  []Flow // that it has; the first is the usual one
	Secret bool   // it wants a client secret from everybody
	Basic  bool   // it wants the secret in the header (RFC 6749, section 2.3.1)

	Redirect    string // to this machine, without a port; "": http://127.0.0.1
	DeviceGrant string // grant_type of the device flow where it is not RFC 8628's

	Final   []string      // errors that are certain at once; nil: none is
	Idle    time.Duration // a refresh token that is not used for so long ends; 0: not known
	Testing time.Duration // a token of a client that is not published ends then; 0: nothing of the kind

	Prepare []string // what must be prepared before a login, each a sentence
}

// Preset gives what is known of a provider.
func Preset(name string) (Provider, bool) {
	i := slices.IndexFunc(presets, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return Provider{}, false
	}
	return presets[i], true
}

// Presets are the names of the providers that are known.
func Presets() (names []string) {
	for _, p := range presets {
		names = append(names, p.Name)
	}
	return names
}

// scopes are those that the uses need, and all that are asked for.
func (p Provider) scopes(f Flow, uses []Use) (needed, all []string) {
	if f == FlowApp {
		return nil, slices.Clone(p.App) // ".default": what an administrator has granted
	}
	for _, u := range uses {
		for _, s := range p.Scopes[u] {
			if !slices.Contains(needed, s) {
				needed = append(needed, s)
			}
		}
	}
	if len(needed) == 0 {
		return nil, nil
	}
	if f == FlowService {
		return needed, slices.Clone(needed)
	}
	return needed, append(slices.Clone(needed), p.Beside...)
}

// register is the next step where there is no client. How one is registered does not fit into a line: see Prepare.
func (p Provider) register() string {
	const what = "register a client of your own at "
	if p.Title == "" {
		return what + "the provider, and write its id"
	}
	return what + p.Title + ", and write its id: docs/oauth.md has the steps"
}

// beside are scopes that a provider may leave out of what it says it granted, or spell otherwise.
var beside = []string{"openid", "email", "profile", "offline_access"}

// needed leaves those out of a person's own scopes.
func needed(scopes []string) (rest []string) {
	for _, s := range scopes {
		if !slices.Contains(beside, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// missing are the needed scopes that were not granted. An answer without scopes means: as asked (RFC 6749, section 5.1).
func (c *Client) missing(granted []string) (all []string) {
	if len(granted) == 0 {
		return nil
	}
	for _, s := range c.needed {
		// By RFC 6749 case counts; Microsoft answers in a case of its own.
		if !strings.HasSuffix(s, "/.default") && !slices.ContainsFunc(granted, func(g string) bool { return strings.EqualFold(g, s) }) {
			all = append(all, s)
		}
	}
	return all
}
