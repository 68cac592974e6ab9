package spool

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/spelling"
)

// ticket is what a Ticket of a spool says. As text, one space between the fields:
//
//	spool1 NAME SIZE CRC DUP U<UID>[ R<REST>]
//
// NAME is the file's name, SIZE its octets, CRC their CRC-32C in eight hexadecimal digits. DUP and UID are those of the
// Message, REST is Outgoing.Rest; both are in URL-safe base64 without padding.
type ticket struct {
	name string
	size int64
	crc  uint32
	dup  int
	uid  string // at most maxUID octets
	rest string // at most maxRest octets
}

const (
	version    = "spool1"
	kind       = "spool" // what every version begins with
	sentSuffix = ".sent" // of a message that was sent and may be discarded
	maxUID     = 512
	maxRest    = 128
)

var errTicket = errors.New("not a ticket of a spool, or of a newer popsync")

// newName is random, so that no server text forms a path: spelling.IsID tells it.
func newName() string { return strings.ToLower(rand.Text()) }

func (t ticket) String() string {
	s := fmt.Sprintf("%s %s %d %08x %d U%s", version, t.name, t.size, t.crc, t.dup, encode64(t.uid))
	if t.rest != "" {
		s += " R" + encode64(t.rest)
	}
	return s
}

func parseTicket(s deliver.Ticket) (t ticket, err error) {
	fields := strings.Split(string(s), " ")
	if len(s) > deliver.MaxTicket || len(fields) < 6 || len(fields) > 7 || fields[0] != version || !spelling.IsID(fields[1]) {
		return ticket{}, errTicket
	}
	t.name = fields[1]
	var errs [5]error
	t.size, errs[0] = strconv.ParseInt(fields[2], 10, 64)
	crc, err := strconv.ParseUint(fields[3], 16, 32)
	t.crc, errs[1] = uint32(crc), err
	t.dup, errs[2] = strconv.Atoi(fields[4])
	t.uid, errs[3] = decode64("U", fields[5])
	if len(fields) == 7 {
		t.rest, errs[4] = decode64("R", fields[6])
	}
	if errors.Join(errs[:]...) != nil || t.size < 0 || t.dup < 0 || len(t.uid) > maxUID || len(t.rest) > maxRest {
		return ticket{}, errTicket
	}
	if t.String() != string(s) {
		return ticket{}, errTicket // one ticket, one spelling
	}
	return t, nil
}

// IsTicket tells whether a ticket is of a spool, of any version.
func IsTicket(t deliver.Ticket) bool { return strings.HasPrefix(string(t), kind) }

// hintNewer is the next step where a ticket or an identity cannot be read.
const hintNewer = "a newer popsync may have written it: use that one again"

// parse is parseTicket with the error that a caller gets.
func parse(op, place string, t deliver.Ticket) (ticket, error) {
	tk, err := parseTicket(t)
	if err != nil {
		return ticket{}, &deliver.Error{Op: op, Place: place, Permanent: true, Err: err, Hint: hintNewer}
	}
	return tk, nil
}

func encode64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode64(prefix, s string) (string, error) {
	text, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return "", errTicket
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	return string(b), err
}

// shortUID makes a UID fit into a ticket. RFC 1939, section 7, allows 70 octets; what is longer than 512 keeps its first
// 448 and gets the SHA-256 of the whole, so that two of them stay different.
func shortUID(uid string) string {
	if len(uid) <= maxUID {
		return uid
	}
	sum := sha256.Sum256([]byte(uid))
	return uid[:maxUID-2*len(sum)] + hex.EncodeToString(sum[:])
}

// deliveryID is the same on every try of a message at a destination, also when it had to be fetched again: 128 bits of
// SHA-256 over what recognises it, in hexadecimal.
func (o *Options) deliveryID(t ticket) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%d\x00%08x",
		o.Account, o.Destination, t.uid, t.dup, t.size, t.crc))
	return hex.EncodeToString(sum[:16])
}
