package fetcher

import (
	"encoding/json"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// VerifyMode marks the stored facts of an account whose ledger was repaired: rows may be missing from it. In its next
// pass, listed messages that the ledger lacks are first looked for by the tags of the Maildir (rebuild), and nothing is
// deleted on the server. The mark goes when such a pass ended well. It fits uidl.Salvage.
func VerifyMode(stored []byte) []byte {
	f := decodeFacts(stored)
	f.Verify = true
	return f.encode()
}

// InVerifyMode tells whether stored facts have the mark.
func InVerifyMode(stored []byte) bool {
	var f struct {
		Verify bool `json:"verify"`
	}
	return json.Unmarshal(stored, &f) == nil && f.Verify
}

// enterVerifyMode keeps a pass from deleting what a damaged memory says was delivered.
func (p *pass) enterVerifyMode() {
	if p.facts.Verify {
		p.a.NeverDelete = true
	}
}

// leaveVerifyMode is for the end of the pass.
func (p *pass) leaveVerifyMode(err error) {
	if p.facts.Verify && !p.o.DryRun && !untried(err) && p.verdictOf(err).Class == OK {
		p.facts.Verify = false
	}
}

// unknownTo leaves the entries of which the ledger has no row.
func unknownTo(known *rows, found []taggedEntry) []taggedEntry {
	if len(known.list) == 0 {
		return found
	}
	return slices.DeleteFunc(found, func(f taggedEntry) bool { return known.has(f.key) })
}

// has tells whether there is a row of a key.
func (r *rows) has(k uidl.Key) bool {
	low, high := 0, len(r.list)
	for low < high {
		mid := int(uint(low+high) >> 1)
		switch c := r.compare(mid, k); {
		case c == 0:
			return true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return false
}
