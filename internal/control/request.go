package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// request is the body of every request that has one.
type request struct {
	Accounts []string `json:"accounts,omitempty"` // none: all
	Paused   *bool    `json:"paused,omitempty"`   // for pause
	Asked    bool     `json:"asked,omitempty"`    // for run
	Named    bool     `json:"named,omitempty"`    // for run
}

// maxGrant bounds a Grant: a token is up to 256 KiB.
const maxGrant = 1 << 20

// decodeGrant reads a Grant. Nothing of it is in an error.
func decodeGrant(w http.ResponseWriter, r *http.Request) (g Grant, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGrant))
	if err != nil {
		return Grant{}, err
	}
	if json.Unmarshal(body, &g) != nil || !validName(g.Account) || !validName(g.Name) || g.Destination != "" && !validName(g.Destination) {
		return Grant{}, errors.New("it is no login as expected")
	}
	return g, nil
}

// decode reads a request's body.
func decode(w http.ResponseWriter, r *http.Request) (request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return request{}, err
	}
	return parse(body)
}

// parse reads one JSON object. Names that no account can have are refused here, so that nobody has to think of them.
func parse(body []byte) (request, error) {
	var q request
	if err := json.Unmarshal(body, &q); err != nil {
		return request{}, errors.New("it is not JSON as expected")
	}
	if len(q.Accounts) > maxAccounts {
		return request{}, fmt.Errorf("more than %d accounts", maxAccounts)
	}
	for _, name := range q.Accounts {
		if !validName(name) {
			return request{}, fmt.Errorf("%.80q is no name of an account", name)
		}
	}
	return q, nil
}

// validName tells whether an account may have that name: [a-z0-9._-]{1,64}.
func validName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
