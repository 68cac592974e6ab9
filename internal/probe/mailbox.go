package probe

import (
	"context"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver/imap"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/internal/words"
)

// Mailbox is a destination that is a folder of a mailbox, by IMAP.
type Mailbox struct {
	Name, Label, Place string // of the destination: its name, the name with its type, where it is
	Address            string // of its server
	Way                string // by which it is reached; "": at once
	Username           string
	StartTLS           bool          // TLS begins by STARTTLS
	Trust              trust.Options // what TLS goes by
	Turns              *Turns        // at servers that several accounts send to
	Sender             *imap.Sender
}

// Look connects, logs in and looks for the folder, and puts nothing there.
func (m Mailbox) Look(ctx context.Context, s *checkup.Sheet) error {
	leave, err := m.Turns.Enter(ctx, m.Address)
	if err != nil {
		return err
	}
	saw, err := m.Sender.Look(ctx)
	leave()
	if !saw.Connected {
		return err
	}
	say := func(lv checkup.Level, text, next string) {
		s.Add(checkup.Finding{Level: lv, Part: checkup.PartDestination, Destination: m.Name, Text: text, Next: next})
	}
	say(checkup.OK, m.Label+" "+m.Place+": "+m.text(saw, err), "")
	if saw.TLS != nil {
		for _, r := range m.Trust.Remarks(*saw.TLS, time.Now()) {
			say(checkup.Note, m.Name+": "+r.Text, r.Next)
		}
	}
	if !saw.LoggedIn {
		return err
	}
	say(checkup.Info, m.Name+": "+mailboxServerText(saw), "")
	if saw.Alert != "" {
		say(checkup.Note, m.Name+": the server wants you to know: "+saw.Alert, "")
	}
	if saw.QuotaSize > 0 {
		lv := checkup.OK
		if saw.Used >= saw.QuotaSize-saw.QuotaSize/20 {
			lv = checkup.Note
		}
		say(lv, m.Name+": "+words.Octets(saw.Used)+" of "+words.Octets(saw.QuotaSize)+" of the mailbox are used", "")
	}
	return err
}

// text says what was seen of a mailbox, and by which way.
func (m Mailbox) text(saw imap.Sight, err error) string {
	text := strings.TrimSpace("connected " + m.Way)
	switch {
	case saw.TLS == nil && saw.LoggedIn:
		text += ", NOT encrypted"
	case saw.TLS == nil: // it came to nothing, and the error says why
	case m.StartTLS:
		text += ", " + trust.Describe(*saw.TLS, "STARTTLS")
	default:
		text += ", " + trust.Describe(*saw.TLS, "")
	}
	if saw.LoggedIn {
		text += ", logged in as " + m.Username + ByMethod(saw.Method)
	}
	switch {
	case err != nil:
		return text
	case saw.Missing:
		return text + "; the folder " + saw.Folder + " is missing, and the first run makes it"
	}
	return text + "; the folder " + saw.Folder + " is there; no message was sent"
}

// mailboxServerText says what the server can do that is of use, and what it is known to do to messages.
func mailboxServerText(saw imap.Sight) string {
	text := "the server does not say what it is"
	if saw.Server != "" {
		text = "the server calls itself " + saw.Server
	}
	if len(saw.Can) > 0 {
		text += "; it has " + strings.Join(saw.Can, ", ")
	}
	if saw.Limit > 0 {
		text += "; the largest message that it takes has " + words.Octets(saw.Limit)
	}
	if saw.Alters == "" {
		return text + "; what it changes in messages is not known"
	}
	return text + "; " + saw.Alters
}
