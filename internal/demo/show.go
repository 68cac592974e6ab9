package demo

import (
	"fmt"
	"os"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/internal/words"
)

// Pass makes one pass over the sample mailbox, as popsync run would.
type Pass func() (fetcher.Report, error)

// Show serves the mailbox, and with gmail one at Gmail, fetches it twice and shows what became of it. passes gives the Pass of a configuration's text. All is in a
// temporary folder, which is removed unless keep is set. Its errors have their exit codes.
func Show(c *console.Console, keep, gmail bool, passes func(config string) (Pass, error)) error {
	dir, err := os.MkdirTemp("", "popsync-demo-")
	if err != nil {
		return exit.With(exit.Temp, err)
	}
	if !keep {
		defer os.RemoveAll(dir)
	}
	box, err := Serve(dir, gmail)
	if err != nil {
		return exit.With(exit.Temp, err)
	}
	defer box.Close()
	fmt.Fprintf(c.Out, "A POP3 server listens on 127.0.0.1:%d with %s%s. The configuration:\n\n%s\n", box.Port, words.Number(box.Messages, "message"),
		box.Beside, box.Indented())
	pass, err := passes(box.Config)
	if err != nil {
		return err
	}
	for _, what := range []string{"First run", "Second run: nothing is new, nothing is delivered twice"} {
		fmt.Fprintf(c.Out, "%s:\n", what)
		rep, err := pass()
		if err != nil {
			return err
		}
		fmt.Fprintf(c.Out, "  %d new (%s), %d kept on the server, %s\n\n", rep.New, words.Octets(rep.Bytes), rep.Kept, outcome.Word(rep))
		if rep.Verdict.Class != verdict.OK {
			c.Complain(rep.Verdict.Message, words.Clip(rep.Verdict.Hint))
			return exit.With(exit.Of(rep.Verdict.Class), exit.ErrReported)
		}
	}
	if err := box.Compare(c.Out); err != nil {
		return err
	}
	if keep {
		fmt.Fprintf(c.Out, "\nThe Maildir and the ledger are in %s\n", words.Clip(dir))
	} else {
		fmt.Fprintf(c.Out, "\nEverything is cleaned up. Now write your own configuration: config.example.toml\nshows how, and 'popsync check' tests it.\n")
	}
	return nil
}
