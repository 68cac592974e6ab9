package oauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/oauth"
)

// Every preset can be used for something, in each of its flows, and says what is missing.
func TestPresets(t *testing.T) {
	for _, name := range oauth.Presets() {
		p, ok := oauth.Preset(name)
		if !ok || p.Title == "" || len(p.Prepare) == 0 || len(p.Flows) == 0 {
			t.Errorf("%s: incomplete", name)
		}
		usable := 0
		for _, f := range p.Flows {
			for _, use := range []oauth.Use{oauth.POP, oauth.IMAP, oauth.SMTP} {
				g := oauth.Grant{Name: "n", Provider: name, ClientID: "c", Flow: f, Tenant: "example.org", KeyFile: "/key",
					Secret: func(context.Context) (string, error) { return "s", nil }}
				c, err := oauth.New(g, oauth.Options{}, use)
				if err != nil {
					if len(p.Scopes[use]) > 0 {
						t.Errorf("%s, %s, %s: %v", name, f, use, err)
					}
					continue
				}
				usable++
				if got := c.Grant(); !strings.HasPrefix(got.TokenURL, "https://") || strings.ContainsAny(got.TokenURL+got.AuthURL+got.DeviceURL, "{}") {
					t.Errorf("%s: %+v", name, got)
				}
				if len(c.Scopes()) == 0 {
					t.Errorf("%s: no scopes", name)
				}
			}
			_, err := oauth.New(oauth.Grant{Name: "n", Provider: name, Flow: f}, oauth.Options{}, oauth.IMAP)
			if e := errorOf(t, err, oauth.Configuration); e.Next() == "" {
				t.Errorf("%s: %v", name, e)
			}
		}
		if usable == 0 {
			t.Errorf("%s: of no use", name)
		}
	}
}

func TestGrantsThatCannotWork(t *testing.T) {
	secret := func(context.Context) (string, error) { return "s", nil }
	full := oauth.Grant{Name: "n", AuthURL: "https://a.test/a", TokenURL: "https://a.test/t", DeviceURL: "https://a.test/d", ClientID: "c", Scopes: []string{"s"}}
	for want, change := range map[string]func(*oauth.Grant){
		"":                               func(*oauth.Grant) {},
		"no provider is known":           func(g *oauth.Grant) { g.Provider = "gogle" },
		"no client_id":                   func(g *oauth.Grant) { g.ClientID = "" },
		"no scopes":                      func(g *oauth.Grant) { g.Scopes = nil },
		"no token_url":                   func(g *oauth.Grant) { g.TokenURL = "" },
		"no auth_url":                    func(g *oauth.Grant) { g.AuthURL = "" },
		"no device_url":                  func(g *oauth.Grant) { g.DeviceURL = ""; g.Flow = oauth.FlowDevice },
		"token_url is no address":        func(g *oauth.Grant) { g.TokenURL = "http://a.test/t" },
		"auth_url is no address":         func(g *oauth.Grant) { g.AuthURL = "https://user:password@a.test/a" },
		"no key file":                    func(g *oauth.Grant) { g.Flow = oauth.FlowService },
		"no client secret":               func(g *oauth.Grant) { g.Flow = oauth.FlowApp },
		"the redirect address":           func(g *oauth.Grant) { g.Redirect = "http://example.org/back" },
		"Microsoft has no flow":          func(g *oauth.Grant) { g.Provider = "microsoft"; g.Flow = oauth.FlowService },
		"no tenant":                      func(g *oauth.Grant) { g.Provider = "microsoft"; g.Flow = oauth.FlowApp; g.Secret = secret },
		"Google has no flow \"device\"":  func(g *oauth.Grant) { g.Provider = "google"; g.Flow = oauth.FlowDevice },
		"Fastmail has no flow \"magic\"": func(g *oauth.Grant) { g.Provider = "fastmail"; g.Flow = "magic" },
	} {
		g := full
		change(&g)
		_, err := oauth.New(g, oauth.Options{}, oauth.POP)
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if e := errorOf(t, err, oauth.Configuration); !strings.Contains(e.What, want) || e.Next() == "" {
			t.Errorf("%s: %v; %s", want, e, e.Next())
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	token := oauth.Token{Access: oauth.NewSecret("MARKER"), Refresh: oauth.NewSecret("MARKER")}
	doc, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s %q %x %d", token, token, token, token.Access, token.Access, token.Access, token.Access), string(doc)} {
		if strings.Contains(s, "MARKER") || strings.Contains(s, "4d41524b4552") {
			t.Errorf("shown: %s", s)
		}
	}
}
