package oauth

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What is stored, and what comes from a provider or is pasted, is foreign: it must not do more than be refused.

func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(got.Encode())
		if err != nil || !bytes.Equal(again.Encode(), got.Encode()) {
			t.Errorf("%q is not read back: %v", b, err)
		}
	})
}

func FuzzPasted(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		a := &attempt{c: &Client{now: time.Now, grant: Grant{Name: "n"}}, state: "STATE", redirect: &url.URL{}}
		got, why := a.pasted(text)
		switch {
		case why != "" && (got.code != "" || got.err != nil):
			t.Errorf("%q: refused, and %+v", text, got)
		case why == "" && got.err == nil && !sendable(got.code):
			t.Errorf("%q gives %q", text, got.code)
		case why == "" && strings.Contains(text, "state=OTHER"):
			t.Errorf("%q: of another login", text)
		}
	})
}

func FuzzIdentify(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		id := identify(text, "c")
		for _, s := range []string{id.Subject, id.Email, id.Name} {
			if len(s) > maxIdentity || strings.ContainsAny(s, "\r\n\x00\x1b") {
				t.Errorf("%q gives %q", text, s)
			}
		}
	})
}
