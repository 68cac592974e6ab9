package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/demo"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/internal/usage"
	"github.com/popsync/popsync/internal/words"
)

func (a fetching) demoCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Fetch a sample mailbox from a built-in server",
		Long: `Start a POP3 server on loopback with a small mailbox of awkward mail, fetch it into a temporary Maildir, show what
arrived, fetch again (nothing is new), and clean up. Nothing of yours is touched.`,
		Args: usage.None("demo"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave the Maildir and the ledger for a look")
	return c
}

func (a fetching) demo(ctx context.Context, keep bool) error {
	dir, err := os.MkdirTemp("", "popsync-demo-")
	if err != nil {
		return exit.With(exit.Temp, err)
	}
	if !keep {
		defer os.RemoveAll(dir)
	}
	box, err := demo.Serve(dir)
	if err != nil {
		return exit.With(exit.Temp, err)
	}
	defer box.Close()
	fmt.Fprintf(a.Out, "A POP3 server listens on 127.0.0.1:%d with %s. The configuration:\n\n%s\n", box.Port, words.Number(box.Messages, "message"),
		box.Indented())
	cfg, err := config.Parse("demo", []byte(box.Config), config.Env(os.Getenv), config.Options{CheckSchedule: checkSchedule})
	if err != nil {
		return exit.With(exit.Internal, err)
	}
	for _, what := range []string{"First run", "Second run: nothing is new, nothing is delivered twice"} {
		fmt.Fprintf(a.Out, "%s:\n", what)
		rep, err := a.demoPass(ctx, cfg)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.Out, "  %d new (%s), %d kept on the server, %s\n\n", rep.New, words.Octets(rep.Bytes), rep.Kept, outcome.Word(rep))
		if rep.Verdict.Class != verdict.OK {
			a.Complain(rep.Verdict.Message, words.Clip(rep.Verdict.Hint))
			return exit.With(exit.Of(rep.Verdict.Class), exit.ErrReported)
		}
	}
	if err := box.Compare(a.Out); err != nil {
		return err
	}
	if keep {
		fmt.Fprintf(a.Out, "\nThe Maildir and the ledger are in %s\n", words.Clip(dir))
	} else {
		fmt.Fprintf(a.Out, "\nEverything is cleaned up. Now write your own configuration: config.example.toml\nshows how, and 'popsync check' tests it.\n")
	}
	return nil
}

func (a fetching) demoPass(ctx context.Context, cfg *config.Config) (fetcher.Report, error) {
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return fetcher.Report{}, err
	}
	defer ledger.Close()
	reports := a.passes(ctx, cfg, cfg.Accounts, ledger, zap.NewNop(), func(c config.Account) (fetcher.Account, fetcher.Options, error) {
		acc, err := a.wire(cfg, c, a.prompt(c))
		return acc, options(cfg.Limits), err
	})
	return reports[0], nil
}
