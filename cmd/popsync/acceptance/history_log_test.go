//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"strings"
)

func (w *histWorld) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// describeAll shows the accounts and what the server has, for the log.
func (w *histWorld) describeAll() (lines []string) {
	for _, a := range w.accounts {
		s := fmt.Sprintf("%s: %s, delete %s", a.name, a.box.user, a.policy)
		for _, d := range a.dests {
			s += fmt.Sprintf("; %s is place %d", d.name, d.place.number)
			s += histIf(!d.required, ", optional") + histIf(d.fallback, ", fallback") + histIf(d.commented, ", commented out") +
				histIf(d.mistake, ", by mistake") + histIf(d.place.relay != nil, ", remote") + histIf(d.place.stash != "", ", not mounted") +
				histIf(d.place.down.Load(), ", down") + ", " + strings.TrimPrefix(d.path, w.dir)
		}
		lines = append(lines, s)
		s = fmt.Sprintf("%s has", a.box.user)
		for _, l := range w.offered(a.box, nil) {
			s += fmt.Sprintf(" %d (%s%s%s%s)", l.number, l.uid(), histIf(l.hidden > 0, ", hidden"), histIf(l.refused, ", to be refused"),
				histIf(l.bare, ", bare"))
		}
		lines = append(lines, s)
	}
	return lines
}

func histIf(so bool, word string) string {
	if so {
		return word
	}
	return ""
}
