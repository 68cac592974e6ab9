package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver/smtp"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/internal/words"
)

// MailServer is a destination that is a mail server, by SMTP or LMTP.
type MailServer struct {
	Name, Label, Place string // of the destination: its name, the name with its type, where it is
	Way                string // by which it is reached; "": at once
	Username           string
	Plain              bool // there is to be no TLS
	StartTLS           bool // TLS begins by STARTTLS
	Original           bool // each message has its own sender
	Recipients         int
	Trust              trust.Options // what TLS goes by
	Turns              *Turns        // at mail servers that several accounts send to
	Sender             *smtp.Sender
}

// Look connects, logs in and names sender and recipients, as a delivery would, and sends nothing.
func (m MailServer) Look(ctx context.Context, s *checkup.Sheet) error {
	leave, err := m.Turns.Enter(ctx, m.Place)
	if err != nil {
		return err
	}
	saw, err := m.Sender.Look(ctx)
	leave()
	if saw.Connected {
		s.Add(checkup.Finding{Level: checkup.OK, Part: checkup.PartDestination, Destination: m.Name, Text: m.Label + " " + m.Place + ": " + m.text(saw, err)})
	}
	if saw.TLS != nil {
		for _, r := range m.Trust.Remarks(*saw.TLS, time.Now()) {
			s.Add(checkup.Finding{Level: checkup.Note, Part: checkup.PartDestination, Destination: m.Name, Text: m.Name + ": " + r.Text, Next: r.Next})
		}
	}
	return err
}

// text says what was seen of a mail server, by which way, and what was not asked.
func (m MailServer) text(saw smtp.Sight, err error) string {
	text := strings.TrimSpace("connected " + m.Way)
	switch {
	case m.Plain:
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
	case !saw.Asked:
		return text + "; sender and recipients were not tried, as each message names its own"
	case m.Original:
		text += "; it accepts the sender <>, where each message will have its own,"
	default:
		text += fmt.Sprintf("; it accepts the sender <%s>", saw.From)
	}
	return text + " and " + words.Number(m.Recipients, "recipient") + "; no message was sent"
}
