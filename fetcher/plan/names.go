package plan

import "bytes"

// FormerName, and a hash, names messages of a mailbox that the account does not have any more. No server gives such ones.
const FormerName = "popsync-former:"

// Names that popsync gives to messages that have no unique-id; no server gives such ones.
const (
	HeaderName  = "popsync-header:"  // and the fingerprint of the header, by TOP
	ContentName = "popsync-content:" // and the SHA-256 of the message, once it was read
)

// Named tells whether a row has a unique-id that the server gave.
func (r *Rows) Named() bool {
	for i := range r.Len() {
		if uid := r.UID(i); !bytes.HasPrefix(uid, []byte(HeaderName)) && !bytes.HasPrefix(uid, []byte(ContentName)) &&
			!bytes.HasPrefix(uid, []byte(FormerName)) {
			return true
		}
	}
	return false
}

// ByContent tells whether messages go by their content: rows are of such, and none of one that goes by its header.
func (r *Rows) ByContent() (yes bool) {
	for i := range r.Len() {
		if bytes.HasPrefix(r.UID(i), []byte(HeaderName)) {
			return false
		}
		yes = yes || bytes.HasPrefix(r.UID(i), []byte(ContentName))
	}
	return yes
}
