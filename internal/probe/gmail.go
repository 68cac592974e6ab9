package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver/gmail"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/internal/words"
)

// Gmail is a destination that is a mailbox at Gmail, by Google's own interface.
type Gmail struct {
	Name, Label, Place string // of the destination: its name, the name with its type, where it is
	Address            string // of Google's interface
	Way                string // by which it is reached; "": at once
	Who                string // the address that logged in, as far as it is known
	Labels             []string
	Steps              []string      // that a login there takes, and whether they are done
	Trust              trust.Options // what TLS goes by
	Turns              *Turns        // at servers that several accounts send to
	Sender             *gmail.Sender
}

// Look asks Gmail for the labels, and puts nothing there. Where it does not let us in, it tells the steps that lead there.
func (g Gmail) Look(ctx context.Context, s *checkup.Sheet) error {
	leave, err := g.Turns.Enter(ctx, g.Address)
	if err != nil {
		return err
	}
	saw, err := g.Sender.Look(ctx)
	leave()
	if !saw.Connected {
		return err
	}
	say := func(lv checkup.Level, text, next string) {
		s.Add(checkup.Finding{Level: lv, Part: checkup.PartDestination, Destination: g.Name, Text: text, Next: next})
	}
	say(checkup.OK, g.Label+" "+g.Place+": "+g.text(saw, err), "")
	if saw.TLS != nil {
		for _, r := range g.Trust.Remarks(*saw.TLS, time.Now()) {
			say(checkup.Note, g.Name+": "+r.Text, r.Next)
		}
	}
	if err != nil {
		g.Tell(s)
		return err
	}
	say(checkup.Info, g.Name+": Gmail takes about 230 messages a minute, and none over 150 MB, by its interface; by IMAP none over 34 MB, and where people send, 25 MB of attachments", "")
	return nil
}

// Tell tells the steps.
func (g Gmail) Tell(s *checkup.Sheet) {
	for i, step := range g.Steps {
		s.Add(checkup.Finding{Level: checkup.Info, Part: checkup.PartDestination, Destination: g.Name, Text: fmt.Sprintf("%s: step %d: %s", g.Name, i+1, step)})
	}
}

// text says what was seen of a mailbox, and by which way.
func (g Gmail) text(saw gmail.Sight, err error) string {
	text := strings.TrimSpace("connected " + g.Way)
	if saw.TLS != nil {
		text += ", " + trust.Describe(*saw.TLS, "")
	}
	if saw.LoggedIn {
		text += ", logged in as " + words.Clip(g.Who)
	}
	switch labels := strings.Join(g.Labels, ", "); {
	case err != nil:
		return text
	case labels == "":
		text += "; messages get no label, and are in All Mail only"
	case len(saw.Missing) > 0:
		text += "; labels " + labels + ", of which the first message makes " + strings.Join(saw.Missing, ", ")
	default:
		text += "; labels " + labels + " are there"
	}
	return text + "; no message was sent"
}
