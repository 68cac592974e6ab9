package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/imports"
	"github.com/popsync/popsync/internal/movein"
	"github.com/popsync/popsync/uidl"
)

func (a deciding) importCommand() *cobra.Command {
	var folder string
	var s stateImport
	cmd := &cobra.Command{
		Use:   "import TOOL FILE...",
		Short: "Take over another fetcher's configuration, and what it fetched",
		Long: `Print the accounts of another fetcher's configuration FILE as configuration of
popsync, and say of each of its keys what became of it. TOOL is fetchmail, mpop,
getmail, fdm or thunderbird; for Thunderbird FILE is the prefs.js of the profile.
FILE may be - for standard input, and for fetchmail also what fetchmail
--configdump prints.

Only the files that are named are opened. Nothing is run, no server is asked, and
no mail is fetched. Mail stays on the server whatever the other fetcher did; the
line that would delete it as before is there as a comment.

Without --write the configuration goes to standard output, and no password is in
it. With --write each account goes to FOLDER/NAME.toml and its password to
FOLDER/NAME.password, both readable by you alone; no file is overwritten.

With --state FILE and --into ACCOUNT, what the other fetcher has fetched already
is not fetched again. FILE is where it remembers that: .fetchids of fetchmail, a
file in .mpop_uidls, oldmail-... of getmail, the cache of an account of fdm, the
popstate.dat of Thunderbird. popsync logs in and lists the mailbox, says how much
of the file is there and how much would still be fetched, and marks what the file
has as seen. It never deletes what is marked so. If less than half of what the
file remembers is on the server, nothing is marked: it may be the file of another
mailbox. Until a run has fetched something, --undo takes the last one back.

Exit code 78: something needs a decision before the accounts can be used, or what
the file remembers was not taken over.`,
		Example: "  popsync import fetchmail ~/.fetchmailrc\n" +
			"  popsync import mpop ~/.mpoprc --write ~/.config/popsync/accounts.d\n" +
			"  popsync import fetchmail --state ~/.fetchids --into work\n" +
			"  popsync import --undo --into work",
		Args: func(cmd *cobra.Command, args []string) error { return s.arguments(cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case s.undo:
				return a.decide(s.into, func(_ *config.Config, acc config.Account, d *decisions.Desk) error {
					return a.endsFirstFetch(acc, d.UndoImport(cmd.Context(), s.into))
				})
			case s.file != "":
				return a.importState(cmd.Context(), imports.Tool(args[0]), s)
			case folder == "" && cmd.Flags().Changed("write"):
				return exit.Errorf(exit.Usage, "--write takes a folder, for example: popsync import fetchmail ~/.fetchmailrc --write ~/.config/popsync/accounts.d")
			}
			return movein.Import(a.Console, imports.Tool(args[0]), args[1:], folder)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) (tools []string, _ cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			for _, t := range imports.Tools() {
				if strings.HasPrefix(string(t), begun) {
					tools = append(tools, string(t))
				}
			}
			return tools, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVar(&folder, "write", "", "write the accounts and their passwords into files in `FOLDER`")
	cmd.Flags().StringVar(&s.file, "state", "", "take over what the other fetcher remembers in `FILE`")
	cmd.Flags().StringVar(&s.into, "into", "", "the `ACCOUNT` that it is taken over into")
	cmd.Flags().StringVar(&s.mailbox, "mailbox", "", "which one of FILE it is, as `USER@HOST`, if not that of ACCOUNT")
	cmd.Flags().BoolVar(&s.anyway, "anyway", false, "take it over though less than half of it is on the server")
	cmd.Flags().BoolVar(&s.undo, "undo", false, "take the last one back, as long as nothing was fetched since")
	if err := cmd.RegisterFlagCompletionFunc("into", func(c *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return a.completeAccounts(c, nil, begun)
	}); err != nil {
		panic(err)
	}
	return cmd
}

// stateImport is what the flags say about what another fetcher remembers.
type stateImport struct {
	file, into, mailbox string
	anyway, undo        bool
}

// arguments refuses what does not go together.
func (s *stateImport) arguments(cmd *cobra.Command, args []string) error {
	set := cmd.Flags().Changed
	about := s.undo || set("state") || set("into") || set("mailbox") || s.anyway
	switch {
	case !about && len(args) >= 2:
		return nil
	case !about:
		return exit.Errorf(exit.Usage, "expected is a tool and a file of it, for example: popsync import fetchmail ~/.fetchmailrc")
	case set("write"):
		return exit.Errorf(exit.Usage, "--write is for configurations: say popsync import a second time for what was fetched")
	case s.into == "":
		return exit.Errorf(exit.Usage, "--into ACCOUNT is missing, for example: popsync import fetchmail --state ~/.fetchids --into work")
	case s.undo && len(args) <= 1:
		return nil
	case s.undo, s.file == "", len(args) != 1:
		return exit.Errorf(exit.Usage, "expected is a tool, --state FILE and --into ACCOUNT, for example: popsync import fetchmail --state ~/.fetchids --into work")
	}
	return nil
}

// importState takes over what another fetcher remembers. The file is read before the server is asked.
func (a deciding) importState(ctx context.Context, tool imports.Tool, s stateImport) error {
	_, accounts, err := a.chosen([]string{s.into})
	if err != nil {
		return err
	}
	acc := accounts[0]
	r, err := movein.State(a.Console, tool, s.file, movein.Mailbox{Account: acc.Name, Host: acc.Host, User: acc.Username}, s.mailbox)
	if err != nil {
		return err
	}
	return a.endsFirstFetch(acc, a.listing(ctx, s.into, func(d *decisions.Desk, l uidl.Ledger, acc fetcher.Account) error {
		return r.Take(a.Console, s.anyway, func(choose fetcher.Chooser) (fetcher.Marked, error) { return d.Mark(ctx, l, acc, choose) })
	}))
}

// endsFirstFetch tells, unless err says that nothing was done, that the account's first_fetch has no say in what the next run fetches: it
// is about a mailbox that was never looked at. It returns err.
func (a deciding) endsFirstFetch(acc config.Account, err error) error {
	if err == nil && acc.FirstFetch.Kind != config.FirstFetchAll {
		a.Console.Tell("%s: first_fetch does not count any more: it is for a mailbox that popsync has never looked at", acc.Name)
	}
	return err
}
