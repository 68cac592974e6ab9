package health

import "github.com/popsync/popsync/uidl"

// MailboxOf is the Account.Mailbox that stored facts are of; "" when that is not known.
func MailboxOf(stored []byte) string { return Decode(stored).Mailbox }

// Displaced is a message on its way that must get another key; To without a UID: one that no server gives.
type Displaced struct {
	From StoredKey `json:"from"`
	To   StoredKey `json:"to"`
}

// StoredKey is a key as JSON can hold it: a UID is any octets.
type StoredKey struct {
	UID []byte `json:"uid"`
	Dup int    `json:"dup,omitempty"`
}

// Key is it as the ledger has it.
func (k StoredKey) Key() uidl.Key { return uidl.Key{UID: string(k.UID), Dup: k.Dup} }
