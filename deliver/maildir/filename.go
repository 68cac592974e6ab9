package maildir

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/spelling"
)

const (
	randomBytes = 10 // 80 bits
	letters     = 16 // of the random part, and of the tag
	hostLimit   = 64
)

// Name is what a file name of popsync's in a Maildir says:
//
//	SECONDS.R<16 random letters>T<tag>.HOST[,S=SIZE][,...][:2,FLAGS]
type Name struct {
	Base    string // up to the first of ": , ; !": equal in tmp, new and cur, whatever a reader added
	Seconds int64  // Unix time at which staging began
	Tag     string // see deliver.Tag
	Host    string // escaped
	Size    int64  // octets of the file as published (S=); -1 when it does not say
}

// ParseName reads a file name, without its directory. ok is false for names that popsync did not give.
func ParseName(file string) (n Name, ok bool) {
	n.Base, n.Size = baseName(file), -1
	seconds, rest, _ := strings.Cut(n.Base, ".")
	unique, host, _ := strings.Cut(rest, ".")
	if len(seconds) == 0 || len(seconds) > 12 || !spelling.Only(seconds, "0123456789") || !validHost(host) {
		return Name{}, false
	}
	if len(unique) != 2+2*letters || unique[0] != 'R' || unique[1+letters] != 'T' {
		return Name{}, false
	}
	random, tag := unique[1:1+letters], unique[2+letters:]
	if !spelling.IsBase32(random) || !spelling.IsBase32(tag) {
		return Name{}, false
	}
	n.Seconds, _ = strconv.ParseInt(seconds, 10, 64) // at most 12 digits
	n.Tag, n.Host = tag, host
	for field := range strings.SplitSeq(untilInfo(file[len(n.Base):]), ",") {
		if size, found := strings.CutPrefix(field, "S="); found && len(size) <= 18 && spelling.Only(size, "0123456789") && size != "" {
			n.Size, _ = strconv.ParseInt(size, 10, 64)
			break
		}
	}
	return n, true
}

// baseName is what no reader changes. Maildir++ adds ,S= and ,W=, isync ,U=, and all add :2,FLAGS, with another
// separator than the colon on filesystems that forbid it.
func baseName(file string) string {
	if i := strings.IndexAny(file, ":,;!"); i >= 0 {
		return file[:i]
	}
	return file
}

func untilInfo(s string) string {
	if i := strings.IndexAny(s, ":;!"); i >= 0 {
		return s[:i]
	}
	return s
}

// tagOf is the mark of a message in its file name.
func tagOf(m deliver.Message) string { return deliver.Tag(cmp.Or(m.Token, m.Account), m.UID, m.Dup) }

// newName makes the base name for a message; random must give 10 octets.
func newName(seconds int64, random io.Reader, m deliver.Message, host string) (string, error) {
	var r [randomBytes]byte
	if _, err := io.ReadFull(random, r[:]); err != nil {
		return "", fmt.Errorf("no random bytes for a file name: %w", err)
	}
	return strconv.FormatInt(max(seconds, 0), 10) + ".R" + spelling.Base32.EncodeToString(r[:]) + "T" + tagOf(m) + "." + host, nil
}

// publishedName is the name in new/.
func publishedName(base string, size int64) string { return base + ",S=" + strconv.FormatInt(size, 10) }

// escapeHost keeps what means nothing in a path, a Maildir name or a ticket; the rest becomes \ooo in octal, as Maildir
// writers do for '/' and ':'. It is cut at 64 octets, never within an escape.
func escapeHost(host string) string {
	var b strings.Builder
	for i := range len(host) {
		c := string(host[i])
		if !hostByte(host[i]) {
			c = fmt.Sprintf(`\%03o`, host[i])
		}
		if b.Len()+len(c) > hostLimit {
			break
		}
		b.WriteString(c)
	}
	if b.Len() == 0 {
		return "localhost"
	}
	return b.String()
}

func hostByte(c byte) bool { return c > ' ' && c < 0x7f && !strings.ContainsRune(`/:,;!\`, rune(c)) }

// validHost accepts what escapeHost gives.
func validHost(host string) bool {
	if host == "" || len(host) > hostLimit {
		return false
	}
	for i := range len(host) {
		if !hostByte(host[i]) && host[i] != '\\' {
			return false
		}
	}
	return true
}
