package probe

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/popsync/popsync/internal/places"
)

// MaildirText says what is at a Maildir's path, whose rights were looked at before. known: the ledger has it; blind: what the ledger has
// could not be read.
func MaildirText(p places.Place, blind, known bool) string {
	switch {
	case p.Info == nil:
		return "will be made by the first run; the folder above it may be written to"
	case blind:
		return "may be written to; whether it is the one that popsync knows was not looked at"
	case known:
		return "is the one that popsync knows, and may be written to"
	case p.Identity != "":
		return "is a Maildir that popsync has used before, and may be written to"
	}
	if _, err := os.Lstat(filepath.Join(p.Path, "cur")); errors.Is(err, os.ErrNotExist) {
		return "is empty, and the first run makes it a Maildir; it may be written to"
	}
	return "is a Maildir that popsync has not used yet, and may be written to"
}
