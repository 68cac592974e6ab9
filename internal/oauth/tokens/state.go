package tokens

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/oauth"
)

// state is what is known of a token, without secrets. It may be lost: then the next refusals are counted anew.
type state struct {
	Version   int       `json:"version"`
	Seq       uint64    `json:"seq"` // of the record that this is about; another one's refusals do not count
	Login     time.Time `json:"login,omitzero"`
	Refreshed time.Time `json:"refreshed,omitzero"` // the last time that the provider gave a token

	Expires        time.Time `json:"expires,omitzero"`
	RefreshExpires time.Time `json:"refresh_expires,omitzero"`
	Email          string    `json:"email,omitempty"`
	Subject        string    `json:"subject,omitempty"`
	Scopes         []string  `json:"scopes,omitempty"`

	Spurned   bool      `json:"spurned,omitempty"`  // a server refuses the access token, and no other was to be had
	Failures  int       `json:"failures,omitempty"` // in a row
	Refusals  int       `json:"refusals,omitempty"` // of these, that blame the token
	First     time.Time `json:"first_refusal,omitzero"`
	NotBefore time.Time `json:"not_before,omitzero"`
	Dead      time.Time `json:"dead,omitzero"`     // since when nothing is tried any more
	Setting   string    `json:"setting,omitempty"` // that Last was about: a hash
	Last      *fault    `json:"last,omitempty"`
}

// fault is an oauth.Error as it is remembered.
type fault struct {
	Class   oauth.Class `json:"class"`
	What    string      `json:"what"`
	Code    string      `json:"code,omitempty"`
	Detail  int         `json:"detail,omitempty"`
	Status  int         `json:"status,omitempty"`
	Hint    string      `json:"hint,omitempty"`
	Refused bool        `json:"refused,omitempty"`
}

const (
	stateVersion = 1
	maxState     = 64 << 10 // octets
)

func faultOf(e *oauth.Error) *fault {
	f := &fault{e.Class, e.What, e.Code, e.Detail, e.Status, e.Hint, e.Refused}
	if e.Err != nil {
		f.What += ": " + e.Err.Error()
	}
	return f
}

func (f *fault) error(s *Source) *oauth.Error {
	if f == nil {
		return &oauth.Error{Grant: s.grant(), Account: s.account, What: "the token could not be refreshed"}
	}
	return &oauth.Error{
		Class: f.Class, Grant: s.grant(), Account: s.account, What: f.What, Code: f.Code, Detail: f.Detail, Status: f.Status, Hint: f.Hint, Refused: f.Refused,
	}
}

func (s *Source) grant() string { return s.client.Grant().Name }

// setting is a hash of what decides whether a request can succeed; no secret is in it.
func (s *Source) setting() string {
	sum := sha256.Sum256([]byte(s.client.Setting()))
	return hex.EncodeToString(sum[:8])
}

// readState gives what is known; of a file that is missing or damaged, nothing.
func readState(dir *os.File, name string) (state, error) {
	b, err := read(dir, name+stateSuffix, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	var st state
	if json.Unmarshal(b, &st) != nil || st.Version < 1 || st.Version > stateVersion {
		return state{}, nil
	}
	return st, nil
}

func (st state) write(dir *os.File, name string) error {
	st.Version = stateVersion
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return durable.WriteFile(dir, name+stateSuffix, append(b, '\n'), 0o600)
}

// about is the state as far as it counts for a record.
func (st state) about(seq uint64) state {
	if st.Seq == seq {
		return st
	}
	return state{}
}
