package health

import "encoding/json"

// VerifyMode marks the stored facts of an account whose ledger may lack rows: it was repaired, lost, or restored from an
// older copy. In its next complete listing, messages that the ledger lacks are looked for in the Maildirs, and what is not
// found there is held back (rebuild); nothing is deleted on the server meanwhile. It fits Salvage and Options of uidl/sqlite.
func VerifyMode(stored []byte) []byte {
	f := Decode(stored)
	f.Verify = true
	return f.Encode()
}

// InVerifyMode tells whether stored facts have the mark.
func InVerifyMode(stored []byte) bool {
	var f struct {
		Verify bool `json:"verify"`
	}
	return json.Unmarshal(stored, &f) == nil && f.Verify
}
