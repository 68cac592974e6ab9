package control

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// A token arrives as it was given, whatever its size, and no error shows any of it.
func TestGrant(t *testing.T) {
	d := &daemon{}
	c, _ := start(t, place(t), d)
	token := json.RawMessage(`{"access_token":"` + strings.Repeat("x", 200<<10) + `"}`)
	g := Grant{Account: "work", Destination: "relay", Name: "g", Token: token}
	if err := c.Grant(t.Context(), g); err != nil || len(d.grants) != 1 || string(d.grants[0].Token) != string(token) || d.grants[0].Destination != "relay" {
		t.Errorf("%v, %d grants", err, len(d.grants))
	}
	var unknown *UnknownError
	if err := c.Grant(t.Context(), Grant{Account: "unknown", Name: "g", Token: token}); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
	for _, bad := range []Grant{{Account: "../x", Name: "g"}, {Account: "work", Name: ""}, {Account: "work", Name: "g", Destination: "a/b"}} {
		bad.Token = json.RawMessage(`"MARKER"`)
		if err := c.Grant(t.Context(), bad); err == nil || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if revoked, err := c.Logout(t.Context(), Grant{Account: "work", Name: "g"}); !revoked || err != nil {
		t.Errorf("%v, %v", revoked, err)
	}
}
