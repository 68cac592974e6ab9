package main

import (
	"context"
	"net/http"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/deliver/gmail"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/transcript"
	"github.com/popsync/popsync/internal/usage"
)

// app is what all commands share.
type app struct {
	*console.Console
	configFile string
	asking     sync.Mutex
	live       *terminal.Board // shows passes that are running; nil: nothing does
	tokens     tokens.Keepers
	pacers     gmail.Pacers      // of all mailboxes at Gmail
	providers  http.RoundTripper // reaches providers of OAuth, for tests; nil: the account's own way does
	lines      *terminal.Gate    // for the lines of the log on a terminal where nothing is live; nil: it is none
	transcript *transcript.File  // of what passes on the wire; nil: nobody asked for one
	told       bool              // a run that nobody watches tells news; else it writes its log
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, s *console.Console) int {
	wide := screen.SpeaksUTF8(os.Getenv)
	out := &screen.Output{W: s.Out}
	s.Out, s.Err = screen.Writer{W: out, UTF8: wide}, screen.Writer{W: s.Err, UTF8: wide}
	a := &app{Console: s}
	if s.ErrTerm {
		a.lines = &terminal.Gate{W: screen.Raw(s.Err)}
	}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	cmd, err := root.ExecuteContextC(ctx)
	return s.Finish(ctx, console.Printed(out, err), cmd.CommandPath())
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "popsync",
		Short:   "Fetch mail by POP3 and deliver it, each message exactly once",
		Version: versionText(),
		Long: `popsync fetches mail from POP3 mailboxes and delivers it: to local Maildirs, by IMAP, by SMTP, by LMTP or to a command. It
remembers by UIDL what was delivered, puts no message into a Maildir twice, and deletes nothing on a server before it is
safe (by default: never).

Exit codes: 0 nothing failed, 64 usage, 70 internal fault, 74 output not written, 75 temporary failure, 77 login refused, 78 configuration.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// Without a command nothing was fetched: exit code 0 would be a lie to cron. Without Args, cobra refuses unknown
		// commands and suggests known ones.
		RunE: func(*cobra.Command, []string) error { return exit.Errorf(exit.Usage, "which command?") },
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	root.SetVersionTemplate(versionLine() + "\n")
	root.InitDefaultVersionFlag()
	root.PersistentFlags().StringVar(&a.configFile, "config", "",
		"configuration `FILE` (default $XDG_CONFIG_HOME/popsync/config.toml, then /etc/popsync/config.toml)")
	fetch, serve, look, decide := fetching{a}, serving{a}, looking{a}, deciding{a}
	root.AddCommand(fetch.runCommand(), serve.daemonCommand(), look.checkCommand(), look.statusCommand(), look.healthcheckCommand(),
		look.parkedCommand(), decide.retryCommand(), decide.giveUpCommand(), decide.wakeCommand(), serve.reloadCommand(),
		decide.pauseCommand(), decide.resumeCommand(), look.verifyCommand(), decide.acceptCommand(), decide.baselineCommand(),
		decide.backfillCommand(), decide.vouchCommand(), decide.refetchCommand(), decide.forgetCommand(), look.backupCommand(),
		decide.importCommand(), decide.setupCommand(), look.initCommand(), look.configCommand(), fetch.demoCommand(), a.versionCommand(), a.loginCommand(), a.logoutCommand())
	root.SetHelpCommand(usage.HelpCommand())
	root.SetFlagErrorFunc(usage.WrongFlag)
	usage.Fit(root)
	return root
}
