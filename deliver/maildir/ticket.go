package maildir

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/spelling"
)

// ticket is what a Maildir's Ticket says. As text, one space between the fields:
//
//	1 NAME SIZE CRC ID PATH
//
// 1 is the version, NAME the base name, SIZE the octets as stored, CRC their CRC-32C in eight hexadecimal digits, ID the
// Maildir's identity and PATH its path, percent-escaped.
type ticket struct {
	name    string
	seconds int64 // from the name
	size    int64
	crc     uint32
	id      string
	path    string
}

const ticketVersion = "1"

// maxTicketHead is room for everything but the path.
const maxTicketHead = len("1 999999999999.RT.") + 2*letters + hostLimit + len(" 9223372036854775807 ffffffff ") + spelling.IDLen + len(" ")

var errTicket = errors.New("not a ticket of a Maildir, or of a newer popsync")

// hintNewer is the next step where a ticket cannot be read.
const hintNewer = "a newer popsync may have written it: use that one again"

func (t ticket) String() string {
	path := spelling.Escape(t.path)
	crc := strconv.FormatUint(uint64(t.crc), 16)
	return ticketVersion + " " + t.name + " " + strconv.FormatInt(t.size, 10) + " " + "00000000"[len(crc):] + crc + " " +
		t.id + " " + path
}

func parseTicket(s deliver.Ticket) (ticket, error) {
	fields := strings.Split(string(s), " ")
	if len(s) > deliver.MaxTicket || len(fields) != 6 || fields[0] != ticketVersion {
		return ticket{}, errTicket
	}
	n, ok := ParseName(fields[1])
	size, err := strconv.ParseInt(fields[2], 10, 64)
	crc, err2 := strconv.ParseUint(fields[3], 16, 32)
	path, err3 := url.PathUnescape(fields[5])
	if !ok || n.Base != fields[1] || size < 0 || errors.Join(err, err2, err3) != nil || !spelling.IsID(fields[4]) || path == "" {
		return ticket{}, errTicket
	}
	t := ticket{name: n.Base, seconds: n.Seconds, size: size, crc: uint32(crc), id: fields[4], path: path}
	if t.String() != string(s) {
		return ticket{}, errTicket // one ticket, one spelling
	}
	return t, nil
}
