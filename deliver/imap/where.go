package imap

import "strings"

// Where is the opaque identity of the destination: the server's address, whose mailbox it is and which folder of it. How it is reached is no
// part of it. It holds no secret, and may be taken of Options that were not checked.
func (o Options) Where() string {
	folder := o.Folder
	if folder == "" || strings.EqualFold(folder, inbox) {
		folder = inbox
	}
	fields := []string{"imap", strings.ToLower(o.Address), o.Username, folder}
	for i, f := range fields {
		fields[i] = spaces.Replace(f)
	}
	return strings.Join(fields, " ")
}

// spaces keeps a space in a field from ending it.
var spaces = strings.NewReplacer("%", "%25", " ", "%20")
