package parked

import (
	"fmt"
	"io"
	"time"

	"github.com/popsync/popsync/internal/words"
)

// Shown is how what waits is shown.
type Shown struct {
	JSON    bool // as programs want it
	Headers bool // from, date and subject were looked for
	Width   int  // of the terminal; 0: it is none
}

// Show prints what waits on out. Programs are told on err what could not be looked at.
func Show(out, err io.Writer, all []Account, how Shown, now time.Time) error {
	if how.JSON {
		for _, p := range all {
			if werr := p.WriteJSON(out); werr != nil {
				return werr
			}
			if p.Unread != "" {
				fmt.Fprintf(err, "popsync: %s: no headers: %s\n", p.Name, words.Clip(p.Unread))
			}
		}
		return nil
	}
	text := ""
	for _, p := range all {
		if len(p.Messages) > 0 {
			if text != "" {
				text += "\n"
			}
			text += p.Text(how.Headers, now, how.Width)
		}
	}
	if text == "" {
		text = "nothing is parked or put off\n"
	}
	_, werr := io.WriteString(out, text)
	return werr
}
