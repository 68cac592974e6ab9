// Package signin has a person log in at a terminal by OAuth, and words how logins are: what is needed before, where to go, what to
// type, who it turned out to be, when it will end.
//
// It shows no token and no code but the one that the person types elsewhere; what is pasted is not shown. Text of the provider's
// goes through internal/foreign. It opens no connection and stores nothing: internal/oauth asks, internal/oauth/tokens keeps. Its
// caller is internal/logins.
package signin

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
)

// Screen is where the person is.
type Screen struct {
	Out   io.Writer
	In    *os.File // where answers are typed; nil: nobody can answer, only look
	Width int      // of the terminal, in characters; 0: not known
	// Guard is given what puts the terminal right: see terminal.Ask.
	Guard func(restore func()) (done func())
}

// usualWidth is that of a terminal whose width is not known.
const usualWidth = 80

func (s Screen) say(format string, args ...any) { s.indented("", format, args...) }

func (s Screen) indented(indent, format string, args ...any) {
	width := s.Width
	if width <= 0 {
		width = usualWidth
	}
	fmt.Fprintln(s.Out, screen.Wrap(fmt.Sprintf(format, args...), indent, width))
}

// Begin says what comes, and what is needed for it. who is the account, user its login name.
func (s Screen) Begin(c *oauth.Client, who, user string) {
	g, p := c.Grant(), c.Provider()
	title := p.Title
	if title == "" {
		title = "the provider of [oauth." + g.Name + "]"
	}
	s.say("Logging in to %s for %s, as %s.", title, who, foreign.Show([]byte(user), 100))
	fmt.Fprintln(s.Out)
	s.say("What it takes, once for all accounts there:")
	for _, line := range p.Prepare {
		s.indented("  ", "- %s", line)
	}
	if len(p.Prepare) == 0 {
		s.indented("  ", "- A client of your own, registered at the provider; its id goes into [oauth.%s].", g.Name)
	}
	if g.Testing && p.Testing > 0 {
		s.indented("  ", "- [oauth.%s] says that the client is in testing: this login will end after %d days.", g.Name, int(p.Testing/(24*time.Hour)))
	}
	s.say("Asked for: %s", strings.Join(c.Scopes(), " "))
	fmt.Fprintln(s.Out)
}

// Prompts speak with the person in a flow.
func (s Screen) Prompts(f oauth.Flow) oauth.Prompts {
	p := oauth.Prompts{
		Open: func(address string) { s.open(f, address) },
		Code: s.code,
		Note: func(text string) { s.say("%s", text) },
	}
	if s.In != nil {
		p.Paste = func(ctx context.Context) (string, error) {
			return terminal.Ask(ctx, s.In, s.Out, "Address (it is not shown): ", s.Guard)
		}
	}
	return p
}

// open shows an address on a line of its own, whole: a line that is wrapped cannot be copied.
func (s Screen) open(f oauth.Flow, address string) {
	if f == oauth.FlowPaste {
		s.say("Open this address in a browser, on any machine:")
	} else {
		s.say("Open this address in a browser on this machine:")
	}
	fmt.Fprintf(s.Out, "\n%s\n\n", address)
	switch {
	case s.In == nil:
		s.say("Waiting for the browser. Ctrl-C ends it.")
	case f == oauth.FlowPaste:
		s.say("At the end the browser will not be able to open a page of 127.0.0.1 or localhost: that is as it should be. Copy the address of that page from the browser, paste it here, and press Enter.")
	default:
		s.say("That is all. If the browser is on another machine, it will not be able to open its last page: then copy that page's address, paste it here, and press Enter.")
	}
}

func (s Screen) code(d oauth.DeviceCode) {
	s.say("On any device, open this address in a browser:")
	fmt.Fprintf(s.Out, "\n    %s\n\n", foreign.Show([]byte(d.Address), 300))
	s.say("and type this code:")
	fmt.Fprintf(s.Out, "\n    %s\n\n", foreign.Show([]byte(d.Code), 100))
	if d.Complete != "" {
		s.say("This address has the code in it:")
		fmt.Fprintf(s.Out, "\n    %s\n\n", foreign.Show([]byte(d.Complete), 400))
	}
	s.say("Type it only because you have begun this yourself. Waiting until %s; Ctrl-C ends it.", d.Expires.Format("15:04"))
}
