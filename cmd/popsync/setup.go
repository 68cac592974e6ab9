package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/setup"
	"github.com/popsync/popsync/internal/usage"
)

func (a deciding) setupCommand() *cobra.Command {
	var r setup.Request
	c := &cobra.Command{
		Use:   "setup ADDRESS",
		Short: "Set an account up from its mail address",
		Long: `Find the POP3 server of a mail address, ask where its mail shall go, log in to
see that it works, and write the account into accounts.d/NAME.toml beside the
configuration, with its password beside it, readable by you alone.

The server is looked for in popsync's table of providers, then in what the domain
publishes (PACC, autoconfig), Mozilla's ISPDB, the provider behind its MX record,
its SRV records, and at last by a guess that proves itself by a certificate. It
is shown where each was found. The password is asked for after you have agreed
to the server; for a guess, and for a server that only DNS names or that is in a
private network, you type its domain. All is asked with TLS, and two logins are
tried at most. Ctrl-C at any question leaves nothing behind.

Every question has a flag. With --non-interactive nothing is asked: then
--accept-host says which server you agree to, and without it the exit code is
78 and nobody logs in. A password is never an argument.`,
		Example: "  popsync setup me@example.org\n  popsync setup --print --offline me@example.org",
		Args:    usage.One("a mail address", "setup me@example.org"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Address = args[0]
			if cmd.Flags().Changed("server") && r.Server == "" {
				return exit.Errorf(exit.Usage, "--server takes HOST or HOST:PORT, for example: --server pop.example.org")
			}
			w, err := a.around(r.Print)
			if err != nil {
				return err
			}
			defer a.Ends(cmd.Context(), a.logWriter())()
			return setup.Run(cmd.Context(), a.Console, r, w)
		},
	}
	f := c.Flags()
	f.StringVar(&r.Name, "name", "", "`NAME` of the account (default made of the address)")
	f.StringVar(&r.Server, "server", "", "the POP3 server, as `HOST` or HOST:PORT; port 110: STARTTLS")
	f.StringVar(&r.User, "username", "", "the `USER` name there")
	f.BoolVar(&r.NonInteractive, "non-interactive", false, "ask nothing")
	f.StringVar(&r.AcceptHost, "accept-host", "", "agree to this `HOST`, and to no other")
	f.BoolVar(&r.Print, "print", false, "print the account; write nothing, log in nowhere")
	f.BoolVar(&r.Offline, "offline", false, "look for the server in the table of providers only")
	f.StringVar(&r.PasswordCommand, "password-command", "", "`PROGRAM` with arguments that prints the password")
	f.StringVar(&r.PasswordFile, "password-file", "", "`FILE` that has the password, and stays where it is")
	f.BoolVar(&r.PasswordStdin, "password-stdin", false, "the password is the first line of standard input")
	f.BoolVar(&r.Credential, "credential", false, "the password will be a systemd credential; store none")
	f.StringVar(&r.OAuth, "oauth", "", "log in by OAuth, as [oauth.`NAME`] has it")
	f.StringVar(&r.Maildir, "maildir", "", "deliver into the Maildir `PATH`")
	f.StringVar(&r.IMAP, "imap", "", "deliver by IMAP to `HOST`[:PORT], with --to as user name")
	f.StringVar(&r.Gmail, "gmail", "", "deliver by IMAP to the Gmail mailbox `ADDRESS`")
	f.StringVar(&r.SMTP, "smtp", "", "deliver by SMTP to `HOST`[:PORT], with --to as recipient")
	f.StringVar(&r.To, "to", "", "with --imap the user name there, with --smtp the `ADDRESS`")
	f.StringVar(&r.ToPasswordFile, "to-password-file", "", "`FILE` that has the password for --imap, --gmail or --smtp")
	f.StringVar(&r.Fetch, "fetch", "", "`WHICH` mail: all, or new for what comes from now on")
	f.StringVar(&r.Delete, "delete", "", "`WHEN` delivered mail is deleted on the server: never,\nafter-delivery, or an age such as 30d (default never)")
	return c
}
