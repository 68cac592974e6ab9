package deliver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// spoolTicket is what a Spool's Ticket says. As text, one space between the fields:
//
//	spool1 NAME SIZE CRC DUP U<UID>[ R<REST>]
//
// NAME is the file's name, SIZE its octets, CRC their CRC-32C in eight hexadecimal digits. DUP and UID are those of the
// Message, REST is Outgoing.Rest; both are in URL-safe base64 without padding.
type spoolTicket struct {
	name string
	size int64
	crc  uint32
	dup  int
	uid  string // at most maxSpoolUID octets
	rest string // at most maxRest octets
}

const (
	spoolVersion = "spool1"
	spoolKind    = "spool" // what every version of a Spool's ticket begins with
	nameLen      = 26      // letters of five bits each: 130 random bits
	sentSuffix   = ".sent" // of a message that was sent and may be discarded
	maxSpoolUID  = 512
	maxRest      = 128
)

var errSpoolTicket = errors.New("not a ticket of a spool, or of a newer popsync")

// newSpoolName is random, so that no server text forms a path.
func newSpoolName() string { return strings.ToLower(rand.Text()) }

// validSpoolName accepts what newSpoolName gives: never a path that leads elsewhere.
func validSpoolName(name string) bool { return len(name) == nameLen && letters32(name) }

func (t spoolTicket) String() string {
	s := fmt.Sprintf("%s %s %d %08x %d U%s", spoolVersion, t.name, t.size, t.crc, t.dup, encode64(t.uid))
	if t.rest != "" {
		s += " R" + encode64(t.rest)
	}
	return s
}

func parseSpoolTicket(s Ticket) (t spoolTicket, err error) {
	fields := strings.Split(string(s), " ")
	if len(s) > MaxTicket || len(fields) < 6 || len(fields) > 7 || fields[0] != spoolVersion || !validSpoolName(fields[1]) {
		return spoolTicket{}, errSpoolTicket
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
	if errors.Join(errs[:]...) != nil || t.size < 0 || t.dup < 0 || len(t.uid) > maxSpoolUID || len(t.rest) > maxRest {
		return spoolTicket{}, errSpoolTicket
	}
	if t.String() != string(s) {
		return spoolTicket{}, errSpoolTicket // one ticket, one spelling
	}
	return t, nil
}

// parse is parseSpoolTicket with the error that a caller of the Spool gets.
func (s *Spool) parse(op string, t Ticket) (spoolTicket, error) {
	tk, err := parseSpoolTicket(t)
	if err != nil {
		return spoolTicket{}, &Error{Op: op, Place: s.path, Permanent: true, Err: err,
			Hint: "a newer popsync may have written it: use that one again"}
	}
	return tk, nil
}

func encode64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode64(prefix, s string) (string, error) {
	text, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return "", errSpoolTicket
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	return string(b), err
}

// spoolUID makes a UID fit into a ticket. RFC 1939, section 7, allows 70 octets; what is longer than 512 keeps its first
// 448 and gets the SHA-256 of the whole, so that two of them stay different.
func spoolUID(uid string) string {
	if len(uid) <= maxSpoolUID {
		return uid
	}
	sum := sha256.Sum256([]byte(uid))
	return uid[:maxSpoolUID-2*len(sum)] + hex.EncodeToString(sum[:])
}

// deliveryID is the same on every try of a message at a destination, also when it had to be fetched again: 128 bits of
// SHA-256 over what recognises it, in hexadecimal.
func (s *Spool) deliveryID(t spoolTicket) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%d\x00%08x",
		s.opts.Account, s.opts.Destination, t.uid, t.dup, t.size, t.crc))
	return hex.EncodeToString(sum[:16])
}
