package movein

import (
	"fmt"
	"iter"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/imports"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

// Mailbox is an account of popsync, and the mailbox that it fetches.
type Mailbox struct{ Account, Host, User string }

// Remembered is what another fetcher remembers of a mailbox.
type Remembered struct {
	tool  imports.Tool
	file  string // as it is shown
	into  Mailbox
	state imports.State
	left  []imports.State // of the file, of other mailboxes
	odd   int             // lines that make no sense
}

// State reads the file in which a tool remembers what it fetched, "-" is standard input, and finds in it what belongs to a mailbox.
// of is USER@HOST as the file has it, where that is not the mailbox's own; "": it is. It asks no server. An error has its exit code.
func State(c *console.Console, tool imports.Tool, file string, into Mailbox, of string) (*Remembered, error) {
	if err := known(tool); err != nil {
		return nil, err
	}
	shown, data, err := octets(c, file, imports.LargestState)
	if err != nil {
		return nil, err
	}
	states, odd, err := imports.StateOf(tool, data)
	if err != nil {
		return nil, exit.Errorf(exit.Config, "%s: %w", shown, err)
	}
	r := &Remembered{tool: tool, file: shown, into: into, odd: odd}
	if tool == imports.Getmail {
		states = named(states, file, into)
	}
	return r, r.choose(states, of)
}

// Take has what is remembered marked as known, of what the server lists, and says how much that is. It refuses if less than half of
// what the file remembers is listed: it may be the file of another mailbox, whose unique-ids are the same as some here by chance, so
// that mail would never be fetched. anyway: it does it all the same. mark lists and marks.
func (r *Remembered) Take(c *console.Console, anyway bool, mark func(fetcher.Chooser) (fetcher.Marked, error)) error {
	var o *imports.Overlap
	var rest int // of what is unknown to popsync, not to be marked
	var refused error
	m, err := mark(func(listed, unknown iter.Seq[string]) (func(string) bool, error) {
		o, rest = r.state.Overlap(r.tool, listed), 0
		all := 0
		for uid := range unknown {
			if all++; !o.Known(uid) {
				rest++
			}
		}
		if refused = r.refuses(o, all, anyway); refused != nil {
			return nil, refused
		}
		return o.Known, nil
	})
	if o != nil {
		r.show(c, o, rest)
	}
	switch {
	case refused != nil:
		return refused
	case err != nil:
		return err
	}
	name := r.into.Account
	fmt.Fprintf(c.Out, "%s: %d marked as seen, %d known before; the next run fetches %s\n", name, m.Marked, m.Known, words.Number(m.Left, "message"))
	if m.Pending > 0 {
		fmt.Fprintf(c.Out, "%s: %s on the way to a destination: the next run goes on\n", name, words.Number(m.Pending, "message"))
	}
	if m.Marked > 0 {
		c.Tell("%[1]s: popsync never deletes what is marked so. Until something is fetched, this takes it back: popsync import --undo --into %[1]s", name)
	}
	return nil
}

// show says what of the file is on the server.
func (r *Remembered) show(c *console.Console, o *imports.Overlap, rest int) {
	name := r.into.Account
	fmt.Fprintf(c.Out, "%s: %s of %s remembers %s; the server lists %d\n", name, r.file, r.tool, words.Number(o.Remembered, "message"), o.Listed)
	fmt.Fprintf(c.Out, "%s: %d of those that it remembers %s listed; %s would still be fetched\n", name, o.Common, words.Plural(o.Common, "is", "are"), words.Number(rest, "message"))
	if o.Ambiguous > 0 {
		c.Tell("%s: %s fetched though %s may have it: it writes the unique-ids of several in the same way, so that nobody can tell them apart",
			name, words.Plural(o.Ambiguous, "1 message is", fmt.Sprintf("%d messages are", o.Ambiguous)), r.tool)
	}
	for i, s := range r.left {
		if i == mostLeft {
			c.Tell("%s: left out: %s more", name, words.Plural(len(r.left)-i, "1 mailbox", fmt.Sprintf("%d mailboxes", len(r.left)-i)))
			break
		}
		c.Tell("%s: left out: %s of %s", name, words.Number(len(s.IDs), "message"), address(s))
	}
	if r.odd > 0 {
		c.Tell("%s: left out: %s of the file that %s no sense; what %s meant is fetched", name, words.Number(r.odd, "line"),
			words.Plural(r.odd, "makes", "make"), words.Plural(r.odd, "it", "they"))
	}
}

// mostLeft is how many mailboxes are named that are left out.
const mostLeft = 5

// refuses tells why what is remembered is not taken over: see Take.
func (r *Remembered) refuses(o *imports.Overlap, unknown int, anyway bool) error {
	name := r.into.Account
	switch {
	case o.Listed == 0 && unknown > 0:
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: the server gives no unique-ids, by which alone %s and popsync could mean the same message: nothing was marked", name, r.tool),
			"if all that is on the server now was fetched, say: popsync baseline "+name))
	case anyway || o.Common*2 >= o.Remembered:
		return nil
	}
	why := "it may be the file of another mailbox, or the server has given its messages new unique-ids"
	if r.tool == imports.Getmail {
		why += "; and getmail remembers for 30 days what has left the server"
	}
	return exit.With(exit.Config, nextstep.With(
		fmt.Errorf("%s: less than half of what %s remembers is on the server: nothing was marked", name, r.file),
		fmt.Sprintf("%s. If it is the right file, say the same with --anyway; if all that is on the server now was fetched: popsync baseline %s", why, name)))
}
