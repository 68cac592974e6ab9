package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/imports"
	"github.com/popsync/popsync/internal/movein"
	"github.com/popsync/popsync/internal/usage"
)

func (a looking) importCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "import TOOL FILE...",
		Short: "Translate the configuration of another fetcher",
		Long: `Print the accounts of another fetcher's configuration FILE as configuration of
popsync, and say of each of its keys what became of it. TOOL is fetchmail, mpop,
getmail, fdm or thunderbird; for Thunderbird FILE is the prefs.js of the profile.
FILE may be - for standard input, and for fetchmail also what fetchmail
--configdump prints.

What the other fetcher has fetched already is not taken over: to fetch only what
comes from now on, say 'popsync baseline ACCOUNT' before the first run.

Only the files that are named are opened. Nothing is run, no server is asked, and
no mail is fetched. Mail stays on the server whatever the other fetcher did; the
line that would delete it as before is there as a comment.

Without --write the configuration goes to standard output, and no password is in
it. With --write each account goes to FOLDER/NAME.toml and its password to
FOLDER/NAME.password, both readable by you alone; no file is overwritten.

Exit code 78: something needs a decision before the accounts can be used.`,
		Example: "  popsync import fetchmail ~/.fetchmailrc\n  popsync import mpop ~/.mpoprc --write ~/.config/popsync/accounts.d",
		Args:    usage.AtLeast(2, "a tool and a file of it", "import fetchmail ~/.fetchmailrc"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if folder == "" && cmd.Flags().Changed("write") {
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
	return cmd
}
