package probe

import (
	"strings"

	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/secret"
)

// Overheard looks at a password, or at what it is called otherwise, for what is hardly meant; what begins the text. Nothing of it is
// said, nor how long it is.
func Overheard(s *checkup.Sheet, what, called, v string) {
	for _, d := range secret.Doubts(v) {
		t := doubts[d]
		s.Note(checkup.PartPassword, what+strings.ReplaceAll(t.text, password, called), strings.ReplaceAll(t.next, password, called))
	}
}

// password is what it is called in the words for doubts.
const password = "the password"

// doubts are the words for what is odd about a password.
var doubts = map[secret.Doubt]struct{ text, next string }{
	secret.Marked: {"the password begins with a byte order mark, and is sent with it",
		"save the file without one: as UTF-8, without BOM"},
	secret.Leading: {"the password begins with a blank, and is sent with it",
		"if it is not part of the password, remove it"},
	secret.Trailing: {"the password ends with a blank, and is sent with it",
		"if it is not part of the password, remove it; a line end after it does not count"},
	secret.Control: {"a control character is in the password, and is sent",
		`if the password has a backslash, write it in single quotes: in "..." a backslash begins an escape`},
	secret.Unseen: {"a character that nobody sees is in the password, as copying from a page may bring along, and is sent",
		"type the password anew"},
	secret.Variable: {"the password looks like a variable, which nobody expands",
		"use password_command, password_file or a systemd credential; popsync expands no variables"},
}
