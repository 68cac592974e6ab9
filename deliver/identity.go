package deliver

import (
	"errors"
	"net/url"
	"strings"

	"github.com/popsync/popsync/deliver/internal/spelling"
)

// What the ledger remembers of a place is for its Target to read, and for this file: whether two destinations are one place
// must be known of some that are not configured any more.

// SamePlace tells whether two identities (Target.Recognise, Target.Identify) are of one place, wherever it is: a Maildir is
// its popsync.id, a remote destination its address and recipients. "" is no place.
//
// A remote destination whose address the identity does not tell is the same as nothing. Identities of another kind are of
// one place when they are equal.
func SamePlace(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if strings.HasPrefix(a, remoteKind) || strings.HasPrefix(b, remoteKind) {
		x, errX := ParseRemoteIdentity(a)
		y, errY := ParseRemoteIdentity(b)
		return errX == nil && errY == nil && x.Where != "" && x.Where == y.Where
	}
	x, errX := ParseLocalIdentity(a)
	y, errY := ParseLocalIdentity(b)
	if errX == nil && errY == nil {
		return x.ID == y.ID
	}
	return a == b
}

// PathOf is the path that an identity of a Maildir speaks of, absolute as it was configured; "" for any other.
func PathOf(identity string) string {
	i, err := ParseLocalIdentity(identity)
	if err != nil {
		return ""
	}
	return i.Path
}

var errIdentity = errors.New("what the ledger remembers of it is of another kind")

// LocalIdentity is of a place in the filesystem that shows its own id, as a Maildir does. As text: "1 ID PATH", the path
// escaped.
type LocalIdentity struct {
	ID   string // 26 letters
	Path string // absolute, where it was last
}

// String is what the ledger remembers.
func (i LocalIdentity) String() string { return "1 " + i.ID + " " + spelling.Escape(i.Path) }

// ParseLocalIdentity reads what String gave. The error is for people, and only says that it is of another kind.
func ParseLocalIdentity(s string) (LocalIdentity, error) {
	fields := strings.Split(s, " ")
	if len(fields) == 3 && fields[0] == "1" && spelling.IsID(fields[1]) {
		if path, err := url.PathUnescape(fields[2]); err == nil && path != "" {
			return LocalIdentity{fields[1], path}, nil
		}
	}
	return LocalIdentity{}, errIdentity
}
