package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
)

// spoolIdentity is what the ledger remembers of a spool. As text, one space between the fields:
//
//	spool2 FOLDER WHERE
//
// FOLDER is where copies wait, below SpoolOptions.Root: one or two names with a slash between them, or nothing as long as
// there is none. WHERE is SpoolOptions.Where, percent-escaped; nothing when that is not known. What waits belongs to the
// destination by its folder, whatever became of its address.
type spoolIdentity struct{ folder, where string }

const (
	spoolIdentityVersion = "spool2"
	maxFolderName        = 64  // of an account or a destination, by whose names folders were made once
	maxFolderNames       = 2   // ACCOUNT/DESTINATION
	maxWhere             = 512 // octets kept of Where
)

var errSpoolIdentity = errors.New("what the ledger remembers of it is of another kind")

func (i spoolIdentity) String() string {
	return spoolIdentityVersion + " " + i.folder + " " + escapePath(i.where)
}

func parseSpoolIdentity(s string) (spoolIdentity, error) {
	fields := strings.Split(s, " ")
	if len(fields) != 3 || fields[0] != spoolIdentityVersion || fields[1] != "" && !validFolder(fields[1]) {
		return spoolIdentity{}, errSpoolIdentity
	}
	where, err := url.PathUnescape(fields[2])
	i := spoolIdentity{fields[1], where}
	if err != nil || len(where) > maxWhere || i.String() != s { // one identity, one spelling
		return spoolIdentity{}, errSpoolIdentity
	}
	return i, nil
}

// validFolder accepts only what leads down, and to nothing that is hidden.
func validFolder(folder string) bool {
	names := strings.Split(folder, "/")
	for _, name := range names {
		if name == "" || len(name) > maxFolderName || name[0] == '.' || !only(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") {
			return false
		}
	}
	return len(names) <= maxFolderNames
}

// shortWhere makes a Where fit into an identity: what is long, such as hundreds of recipients, keeps its beginning and gets
// the SHA-256 of the whole, so that two of them stay different.
func shortWhere(where string) string {
	if len(where) <= maxWhere {
		return where
	}
	sum := sha256.Sum256([]byte(where))
	return where[:maxWhere-2*len(sum)] + hex.EncodeToString(sum[:])
}
