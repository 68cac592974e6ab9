package maildir

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/deliver/internal/spelling"
)

// noteSize is the length of every note: one record, so that it can be rewritten in place by one write, which needs no new
// space on the disk. In it, filled with spaces up to its last octet, a line feed:
//
//	popsync-note 1 EPOCH ACCOUNT MAILBOX CRC
//
// 1 is the version, CRC the CRC-32C, in eight hexadecimal digits, of the token, a space and all before the last space: a
// note under another account's token counts for nothing, and neither does one of which a power cut left a part.
const noteSize = 256

const (
	noteHead = "popsync-note 1"
	notePart = 64 // longest token, account and mailbox
	alnum    = "abcdefghijklmnopqrstuvwxyz0123456789"
	idToken  = "id" // is none: popsync.id is the Maildir's identity
)

var errNote = errors.New("not a note of popsync's")

func validToken(token string) bool {
	return token != "" && token != idToken && len(token) <= notePart && spelling.Only(token, alnum)
}

func validNote(n deliver.Note) bool {
	return validToken(n.Token) && n.Epoch >= 0 && n.Account != "" && len(n.Account) <= notePart && spelling.Only(n.Account, alnum+"._-") &&
		len(n.Mailbox) <= notePart && spelling.Only(n.Mailbox, alnum)
}

// noteRecord is a note as it is written.
func noteRecord(n deliver.Note) []byte {
	text := fmt.Sprintf("%s %d %s %s", noteHead, n.Epoch, n.Account, n.Mailbox)
	crc := crc32.Checksum([]byte(n.Token+" "+text), disk.Castagnoli)
	record := bytes.Repeat([]byte(" "), noteSize)
	copy(record, fmt.Appendf(nil, "%s %08x", text, crc))
	record[noteSize-1] = '\n'
	return record
}

// parseNote reads the note of a token. One note, one spelling.
func parseNote(token string, record []byte) (deliver.Note, error) {
	if len(record) != noteSize {
		return deliver.Note{}, errNote
	}
	fields := strings.Split(strings.TrimRight(string(record), " \n"), " ")
	if len(fields) != 6 {
		return deliver.Note{}, errNote
	}
	epoch, err := strconv.ParseInt(fields[2], 10, 64)
	n := deliver.Note{Token: token, Epoch: epoch, Account: fields[3], Mailbox: fields[4]}
	if err != nil || !validNote(n) || !bytes.Equal(noteRecord(n), record) {
		return deliver.Note{}, errNote
	}
	return n, nil
}
