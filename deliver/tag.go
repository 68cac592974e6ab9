package deliver

import (
	"crypto/sha256"
	"strconv"

	"github.com/popsync/popsync/deliver/internal/spelling"
)

// tagBytes are 80 bits, which are 16 letters.
const tagBytes = 10

// Tag is the mark in a file name by which a message of an account can be found again when the ledger is lost: 80 bits of
// SHA-256 over token, NUL, UID, NUL and dup in decimal, as 16 letters. It says nothing about the content. The token is
// Note.Token; earlier versions had the account's name in its place, which may be another account's by now.
func Tag(token, uid string, dup int) string {
	sum := sha256.Sum256([]byte(token + "\x00" + uid + "\x00" + strconv.Itoa(dup)))
	return spelling.Base32.EncodeToString(sum[:tagBytes])
}
