package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/transcript"
)

// streams are where a command reads and writes.
type streams struct {
	in       *os.File
	out, err io.Writer
	// outTerm and errTerm tell whether a person is watching.
	outTerm, errTerm bool
	// outSize and errSize are the sizes of the terminals, in characters; 0: not known.
	outSize, errSize func() (width, height int)
	// undo is what is to be put right if the process ends at once; nil: nothing is, as it does not.
	undo *undo
}

func std() streams {
	return streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		outTerm: terminal.Is(os.Stdout), errTerm: terminal.Is(os.Stderr),
		outSize: sizeOf(os.Stdout), errSize: sizeOf(os.Stderr),
	}
}

func sizeOf(f *os.File) func() (width, height int) {
	return func() (width, height int) { return terminal.Size(f) }
}

// app is what all commands share.
type app struct {
	streams
	configFile string
	asking     sync.Mutex
	live       *terminal.Board  // shows passes that are running; nil: nothing does
	lines      *terminal.Gate   // for the lines of the log on a terminal where nothing is live; nil: it is none
	transcript *transcript.File // of what passes on the wire; nil: nobody asked for one
	told       *newsChannel     // what a run that nobody watches tells; nil: it writes its log
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, s streams) int {
	wide := screen.SpeaksUTF8(os.Getenv)
	out := &screen.Output{W: s.out}
	s.out, s.err = screen.Writer{W: out, UTF8: wide}, screen.Writer{W: s.err, UTF8: wide}
	a := &app{streams: s}
	if s.errTerm {
		a.lines = &terminal.Gate{W: screen.Raw(s.err)}
	}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.err)
	cmd, err := root.ExecuteContextC(ctx)
	err = printed(out, err)
	code := codeOf(err)
	if err != nil && !errors.Is(err, errReported) {
		text, hint := apart(err)
		if ctx.Err() != nil && (errors.Is(err, context.Canceled) || text == "stopped") { // whatever it was at
			text, hint, code = "stopped", "", exitTemp
		}
		a.complain(text, hint)
		if code == exitUsage {
			fmt.Fprintf(s.err, "See '%s --help'.\n", cmd.CommandPath())
		}
	}
	return code
}

// complain says what ended a command, and the next step if there is one. A terminal gets lines that fit it; what is read by
// a program, whole ones.
func (a *app) complain(text, hint string) {
	width := 0
	if a.errTerm && a.errSize != nil {
		width, _ = a.errSize()
	}
	for i, line := range strings.Split(text, "\n") {
		if i == 0 {
			line = "popsync: " + line
		}
		if width > 0 && line == strings.TrimLeft(line, " \t") {
			line = screen.Wrap(line, "  ", width)
		}
		fmt.Fprintln(a.err, line)
	}
	if hint == "" {
		return
	}
	if hint = "Next step: " + hint; width > 0 {
		hint = screen.Wrap(hint, "  ", width)
	}
	fmt.Fprintln(a.err, hint)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "popsync",
		Short:   "Fetch mail by POP3 and deliver it, each message exactly once",
		Version: versionText(),
		Long: `popsync fetches mail from POP3 mailboxes and delivers it: to local Maildirs, by SMTP, by LMTP or to a command. It
remembers by UIDL what was delivered, puts no message into a Maildir twice, and deletes nothing on a server before it is
safe (by default: never).

Exit codes: 0 nothing failed, 64 usage, 70 internal fault, 74 output not written, 75 temporary failure, 77 login refused, 78 configuration.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// Without a command nothing was fetched: exit code 0 would be a lie to cron. Without Args, cobra refuses unknown
		// commands and suggests known ones.
		RunE: func(*cobra.Command, []string) error { return fail(exitUsage, "which command?") },
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	root.SetVersionTemplate(versionLine() + "\n")
	root.InitDefaultVersionFlag()
	root.PersistentFlags().StringVar(&a.configFile, "config", "",
		"configuration `FILE` (default $XDG_CONFIG_HOME/popsync/config.toml, then /etc/popsync/config.toml)")
	root.AddCommand(a.runCommand(), a.daemonCommand(), a.checkCommand(), a.statusCommand(), a.healthcheckCommand(),
		a.parkedCommand(), a.retryCommand(), a.giveUpCommand(), a.wakeCommand(), a.reloadCommand(), a.pauseCommand(), a.resumeCommand(), a.verifyCommand(), a.acceptCommand(), a.baselineCommand(), a.backfillCommand(), a.vouchCommand(),
		a.refetchCommand(), a.forgetCommand(), a.backupCommand(), a.demoCommand(), a.versionCommand())
	root.SetHelpCommand(a.helpCommand())
	root.SetFlagErrorFunc(wrongFlag)
	fitHelp(root)
	fitFlags(root)
	return root
}
