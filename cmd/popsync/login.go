package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/gmail"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/logins"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/usage"
)

func (a *app) loginCommand() *cobra.Command {
	var flow string
	var status bool
	c := &cobra.Command{
		Use:   "login ACCOUNT[/DESTINATION]",
		Short: "Log in to a mailbox by OAuth, or see how such logins are",
		Long: `Log in by OAuth 2.0 for an account, or a destination, whose configuration has oauth = "NAME". You log in with a browser at the
provider; popsync keeps what it gives, and renews it by itself from then on. It looks at what was allowed and logs in to the mailbox
once, to prove that it works. Beside a daemon the daemon stores it, and fetches at once.

The ways are those of the provider, and --flow chooses: loopback wants a browser on this machine; with paste it may be on any, and you
paste the address where it ended; with device you type a code anywhere.

With --status it shows of each login how old it is, when it was last refreshed, and when it will end, as far as anybody said; the exit
code is 77 if somebody has to log in, or the mailbox refused a login, and 78 if something in the configuration has to be changed.`,
		Args: func(_ *cobra.Command, args []string) error {
			return logins.Fits(oauth.Flow(flow), status, args)
		},
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.loginDesk()
			switch {
			case err != nil:
				return err
			case status:
				return d.Status(args)
			}
			return d.Login(cmd.Context(), args[0], oauth.Flow(flow))
		},
	}
	c.Flags().StringVar(&flow, "flow", "", "`WAY`: loopback, paste or device (default as configured, else the provider's first)")
	c.Flags().BoolVar(&status, "status", false, "show how logins are, of all accounts or those named; log in to none")
	return c
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout ACCOUNT[/DESTINATION]",
		Short: "Give a login by OAuth back, at the provider and here",
		Long: `Have the provider forget the login by OAuth of an account or a destination, where it takes that, and remove it here. The account
fetches nothing more until 'popsync login', or until its configuration has a password.`,
		Args:              usage.One("an account", "logout work"),
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.loginDesk()
			if err != nil {
				return err
			}
			return d.Logout(cmd.Context(), args[0])
		},
	}
}

// loginDesk is where a person logs in and out by OAuth.
func (a *app) loginDesk() (*logins.Desk, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	return &logins.Desk{
		Console: a.Console, StateDir: cfg.StateDir, ConfigFile: a.configFile, Holders: a.logins(cfg),
		Destinations: func(account string) (all []string, err error) {
			picked, err := pick(cfg, []string{account})
			if err != nil {
				return nil, err
			}
			for _, d := range picked[0].Deliver {
				all = append(all, d.Name)
			}
			return all, nil
		},
		Daemon: func(ctx context.Context) (*control.Client, control.Status, error) { return a.findDaemon(ctx, cfg) },
	}, nil
}

// logins are those by OAuth of a configuration.
func (a *app) logins(cfg *config.Config) (all logins.Holders) {
	for _, h := range holdersOf(cfg) {
		all = append(all, a.loginBy(cfg, h))
	}
	return all
}

// loginBy is a holder's login as the room of logins takes it.
func (a *app) loginBy(cfg *config.Config, h holder) logins.Holder {
	out := logins.Holder{
		Account: h.account, Username: h.username, Grant: h.grant,
		Source: func(flow oauth.Flow) (*tokens.Source, *oauth.Client, error) { return a.tokenOf(cfg, h, flow) },
		Prove: func(ctx context.Context, token func(context.Context, string) (string, error)) error {
			return a.logInOnce(ctx, cfg, h, token)
		},
	}
	if h.use == oauth.Gmail {
		out.Same = func(email string) bool { return gmail.Same(email, h.username) }
	}
	if len(h.name) > len(h.account) {
		out.Destination = h.name[len(h.account)+1:]
	}
	return out
}
