package fetcher

// An account may be given another mailbox under its old name: a provider moved, or a person starts anew. Which of the
// two, only the messages tell. Servers that number their messages give the same unique-ids to others, and a message
// that is taken for one that was delivered is never fetched; to fetch all again would be a flood. So every known
// unique-id that is listed is recognised anew, once, by its header or else by its content.

// MailboxOf is the Account.Mailbox that stored facts are of; "" when that is not known.
func MailboxOf(stored []byte) string { return decodeFacts(stored).Mailbox }

// compareMailbox notices another mailbox at the beginning of a pass.
func (p *pass) compareMailbox() {
	p.elsewhere = p.a.Mailbox != "" && p.facts.Mailbox != "" && p.facts.Mailbox != p.a.Mailbox
	if !p.elsewhere && p.a.Mailbox != "" {
		p.facts.Mailbox = p.a.Mailbox
	}
}

// settledIn notes that a session went through with all that is listed: from now on the rows are of this mailbox.
func (p *pass) settledIn() {
	if p.elsewhere {
		p.elsewhere, p.facts.Mailbox = false, p.a.Mailbox
	}
}
