package movein

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/imports"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

// choose finds the state of the mailbox among those of the file, and leaves the others out. Nothing is guessed: with the unique-ids of
// another mailbox, mail could be taken for fetched that nobody has.
func (r *Remembered) choose(states []imports.State, of string) error {
	found := false
	for _, s := range states {
		unnamed := s.Host == "" && s.User == "" // the file names no mailbox
		own := of == "" && (unnamed || same(s.Host, r.into.Host) && strings.EqualFold(s.User, r.into.User))
		if own || of != "" && !unnamed && strings.EqualFold(s.User+"@"+s.Host, of) {
			found = true // perhaps in two spellings
			r.state = imports.State{Host: s.Host, User: s.User, IDs: append(r.state.IDs, s.IDs...)}
		} else {
			r.left = append(r.left, s)
		}
	}
	if !found && of != "" && len(states) == 1 && states[0].Host == "" && states[0].User == "" {
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: %s does not say which mailbox it is about, so that --mailbox finds nothing in it: nothing was marked",
			r.into.Account, r.file), "if it is the file of this account, leave --mailbox out"))
	}
	if !found {
		var have []string
		for _, s := range states {
			have = append(have, address(s))
		}
		wanted, step := address(imports.State{Host: r.into.Host, User: r.into.User}), "name the right file, or the account that it belongs to"
		if of != "" {
			wanted = words.Quote(of)
		}
		if len(have) > 0 && states[0].Host != "" {
			step += ". If one of them is the same mailbox under another name, add: --mailbox " + words.Quote(states[0].User+"@"+states[0].Host)
		}
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: %s remembers nothing of %s; it is about %s: nothing was marked",
			r.into.Account, r.file, wanted, words.Few(have)), step))
	}
	return nil
}

// same tells whether two names are of one server.
func same(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// address is how a mailbox of a file is shown.
func address(s imports.State) string { return words.Quote(s.User + "@" + s.Host) }

// oldmailName is the name of a file of getmail: server, port and user. What a file's name cannot have is a hyphen there.
var (
	oldmailName = regexp.MustCompile(`^oldmail-(.+?)-(\d{1,5})-(.+)$`)
	hyphened    = regexp.MustCompile(`[/\\:;<>|]+`)
)

// named gives the state of an oldmail file the mailbox that the name of the file tells. A name that getmail does not give tells nothing.
func named(states []imports.State, file string, into Mailbox) []imports.State {
	base := filepath.Base(file)
	m := oldmailName.FindStringSubmatch(base)
	if m == nil || len(states) != 1 {
		return states
	}
	s := states[0]
	s.Host, s.User = m[1], m[3]
	// A hyphen of the server's name or in front of the user's is no end of them.
	begin, end := hyphened.ReplaceAllString("oldmail-"+into.Host+"-", "-"), hyphened.ReplaceAllString("-"+into.User, "-")
	if lower := strings.ToLower(base); strings.HasPrefix(lower, strings.ToLower(begin)) && strings.HasSuffix(lower, strings.ToLower(end)) &&
		len(begin)+len(end) < len(base) && strings.Trim(base[len(begin):len(base)-len(end)], "0123456789") == "" {
		s.Host, s.User = into.Host, into.User
	}
	return []imports.State{s}
}
