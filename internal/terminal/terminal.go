// Package terminal is for a person at a terminal: it shows how running passes get on, keeps lines of the log out of the way, and
// asks for what must not be shown. It needs only what every terminal knows: carriage return, cursor up, erase to the end.
//
// cmd/popsync calls it. It decides nothing; where there is no terminal, its callers do without it.
package terminal

import (
	"os"

	"golang.org/x/term"
)

// Is tells whether a file is a terminal.
func Is(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Size is how large a terminal is, in characters; 0: that is not known.
func Size(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}
