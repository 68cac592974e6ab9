package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/popsync/popsync/deliver/internal/spelling"
)

// RemoteIdentity is of a destination elsewhere, and of the folder where copies wait for it. As text, one space between the
// fields:
//
//	spool2 FOLDER WHERE
//
// WHERE is percent-escaped. What waits belongs to the destination by its folder, whatever became of its address.
type RemoteIdentity struct {
	Folder string // below the root of all spools: one or two names with a slash between them; "": there is none yet
	Where  string // address and recipients, as NewRemoteIdentity shortens them; "": not known
}

const (
	remoteKind     = "spool" // what every version begins with
	remoteVersion  = "spool2"
	maxFolderName  = 64  // of an account or a destination, by whose names folders were made once
	maxFolderNames = 2   // ACCOUNT/DESTINATION
	maxWhere       = 512 // octets kept of Where
)

// NewRemoteIdentity makes where fit into an identity: what is long, such as hundreds of recipients, keeps its beginning and
// gets the SHA-256 of the whole, so that two of them stay different.
func NewRemoteIdentity(folder, where string) RemoteIdentity {
	if len(where) > maxWhere {
		sum := sha256.Sum256([]byte(where))
		where = where[:maxWhere-2*len(sum)] + hex.EncodeToString(sum[:])
	}
	return RemoteIdentity{folder, where}
}

// String is what the ledger remembers.
func (i RemoteIdentity) String() string {
	return remoteVersion + " " + i.Folder + " " + spelling.Escape(i.Where)
}

// ParseRemoteIdentity reads what String gave. The error is for people, and only says that it is of another kind.
func ParseRemoteIdentity(s string) (RemoteIdentity, error) {
	fields := strings.Split(s, " ")
	if len(fields) != 3 || fields[0] != remoteVersion || fields[1] != "" && !validFolder(fields[1]) {
		return RemoteIdentity{}, errIdentity
	}
	where, err := url.PathUnescape(fields[2])
	i := RemoteIdentity{fields[1], where}
	if err != nil || len(where) > maxWhere || i.String() != s { // one identity, one spelling
		return RemoteIdentity{}, errIdentity
	}
	return i, nil
}

// IsRemoteIdentity tells whether an identity is meant to be a remote destination's; ParseRemoteIdentity tells whether it is sound.
func IsRemoteIdentity(s string) bool { return strings.HasPrefix(s, remoteVersion+" ") }

// validFolder accepts only what leads down, and to nothing that is hidden.
func validFolder(folder string) bool {
	names := strings.Split(folder, "/")
	for _, name := range names {
		if name == "" || len(name) > maxFolderName || name[0] == '.' || !spelling.Only(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") {
			return false
		}
	}
	return len(names) <= maxFolderNames
}
