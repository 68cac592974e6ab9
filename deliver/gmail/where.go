package gmail

import "strings"

// Where is the opaque identity of the destination: whose mailbox it is. How it is reached, and which labels messages get, is no part of it.
// It holds no secret, and may be taken of Options that were not checked.
func (o Options) Where() string { return "gmail " + spaces.Replace(mailbox(o.Username)) }

// spaces keeps a space in a field from ending it.
var spaces = strings.NewReplacer("%", "%25", " ", "%20")

// Same tells whether two addresses are one mailbox at Gmail, as far as their spelling tells: case never counts, and dots do not count at
// gmail.com, which is googlemail.com too.
func Same(a, b string) bool { return mailbox(a) == mailbox(b) }

func mailbox(address string) string {
	address = strings.ToLower(address)
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return address
	}
	local, domain := address[:i], address[i+1:]
	if domain == "gmail.com" || domain == "googlemail.com" {
		return strings.ReplaceAll(local, ".", "") + "@gmail.com"
	}
	return address
}
