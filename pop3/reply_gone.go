package pop3

import (
	"slices"
	"strings"
)

// saysGone tells whether the text of a refusal, with its code, says of a message that the server does not have it any more.
// RFC 1939 has no word for that, so servers have many. What is said of mailboxes, files and commands does not count.
func saysGone(text []byte) bool {
	s := strings.ToLower(string(text)) + " "
	s = strings.NewReplacer("mailbox", "", "maildrop", "").Replace(s)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
	}
	switch {
	case has("not been deleted", "not deleted", "not expunged", "file", "command"):
		return false
	case has("expunged", "no such message", "no such msg", "no such mail ", "no message ", "no message.", "already deleted",
		"unknown message", "invalid message number", "bad message number", "nonexistent message", "non-existent message"):
		return true
	}
	return has("message", "msg", "mail", "number") &&
		has("deleted", "removed", "not exist", "n't exist", "nonexist", "non-exist", "not found", "out of range", "no longer")
}
