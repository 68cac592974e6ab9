package discovery

import (
	"testing"

	"github.com/popsync/popsync/internal/foreign"
)

// sane: whatever a document says, a server has TLS, a name that can be looked up, a port, and nothing that cannot be shown.
func sane(t *testing.T, f Found, err error) {
	t.Helper()
	if err != nil {
		return
	}
	if !hostname(f.Host) || f.Port < 1 || f.Port > 65535 || len(f.Usernames) != 2 {
		t.Errorf("%+v", f)
	}
	for _, text := range append(f.Usernames, f.Provider, f.Enable) {
		if foreign.Tidy(text, 1000) != text {
			t.Errorf("%q", text)
		}
	}
}

var anna = Address{"anna", "example.org"}

func FuzzAutoconfig(f *testing.F) {
	f.Add([]byte(document(server("pop.example.org", "995", "SSL", "%EMAILADDRESS%"))))
	f.Add([]byte(document(server("%EMAILDOMAIN%", "110", "STARTTLS", "u4711", "<authentication>OAuth2</authentication><pop3><checkInterval minutes='15'/></pop3>"))))
	f.Add([]byte(`<!DOCTYPE a><clientConfig/>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		found, err := parseAutoconfig(doc, anna)
		sane(t, found, err)
	})
}

func FuzzPACC(f *testing.F) {
	f.Add([]byte(paccDoc))
	f.Add([]byte(`{"protocols":{"pop3":{"host":"x"}},"authentication":{"oauth-public":{"issuer":"https://x.example"}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		found, err := parsePACC(doc, anna)
		sane(t, found, err)
		vouched([]string{string(doc)}, doc)
	})
}

func FuzzParseAddress(f *testing.F) {
	f.Add("Anna@Example.ORG")
	f.Add("anna@bücher.example")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err == nil && (!hostname(a.Domain) || a.Local == "") {
			t.Errorf("%q: %+v", text, a)
		}
		if err == nil {
			a.usernames("%EMAILLOCALPART%")
		}
	})
}
