package notify

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Maildir puts notices into the account's own mailbox, as messages. It needs no mail server.
type Maildir struct {
	deliver func(ctx context.Context, account string, message []byte) error
}

// NewMaildir gives complete messages with CRLF line ends to deliver, which returns nil once one is durably there.
func NewMaildir(deliver func(ctx context.Context, account string, message []byte) error) *Maildir {
	return &Maildir{deliver}
}

// Name is "maildir".
func (m *Maildir) Name() string { return "maildir" }

// Send delivers one message.
func (m *Maildir) Send(ctx context.Context, n Notice) error {
	return m.deliver(ctx, n.Account, n.message())
}

// message is the notice as mail (RFC 5322). The same notice makes the same Message-ID, by which readers and sieve
// scripts tell doubles; later notices of an incident answer the first. To is a group without members: an account is
// no address.
func (n Notice) message() []byte {
	var b bytes.Buffer
	field := func(name, value string) { b.WriteString(fold(name+": "+value) + "\r\n") }
	field("Date", n.At.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	field("From", "popsync <popsync@"+n.Host+">")
	field("To", phrase(n.Account)+":;")
	field("Subject", n.Subject())
	field("Message-ID", n.messageID(n.ID))
	if n.Follows != "" {
		field("In-Reply-To", n.messageID(n.Follows))
		field("References", n.messageID(n.Follows))
	}
	field("Auto-Submitted", "auto-generated") // RFC 3834, section 5: no holiday notice shall answer
	field("MIME-Version", "1.0")
	body, charset, bits := n.Text(), "us-ascii", "7bit"
	if strings.ContainsFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) { // what a server said
		charset, bits = "utf-8", "8bit"
	}
	field("Content-Type", "text/plain; charset="+charset)
	field("Content-Transfer-Encoding", bits)
	b.WriteString("\r\n" + strings.ReplaceAll(body, "\n", "\r\n"))
	return b.Bytes()
}

func (n Notice) messageID(id string) string { return fmt.Sprintf("<popsync.%s@%s>", id, n.Host) }

// phrase makes an account's name a display-name (RFC 5322, section 3.4): dots need quotes.
func phrase(account string) string {
	if strings.Contains(account, ".") {
		return `"` + account + `"`
	}
	return account
}

// fold breaks a header line at blanks, so that its lines have at most 78 octets where that is possible (RFC 5322,
// section 2.2.3).
func fold(s string) string {
	const width = 78
	var b strings.Builder
	for len(s) > width {
		at := strings.LastIndexByte(s[:width+1], ' ')
		if at <= strings.IndexByte(s, ':')+1 { // never a line of the name alone, nor of blanks
			at = strings.IndexByte(s[width:], ' ') + width
			if at < width {
				break
			}
		}
		b.WriteString(s[:at] + "\r\n")
		s = s[at:]
	}
	return b.String() + s
}
