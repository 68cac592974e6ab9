package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/oauth/signin"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/usage"
)

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout ACCOUNT[/DESTINATION]",
		Short: "Give a login by OAuth back, at the provider and here",
		Long: `Have the provider forget the login by OAuth of an account or a destination, where it takes that, and remove it here. The account
fetches nothing more until 'popsync login', or until its configuration has a password.`,
		Args:              usage.One("an account", "logout work"),
		ValidArgsFunction: a.completeAccounts,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.logout(cmd.Context(), args[0]) },
	}
}

func (a *app) logout(ctx context.Context, arg string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	h, err := holderOf(cfg, arg)
	if err != nil {
		return err
	}
	source, client, err := a.tokenOf(cfg, h, "")
	if err != nil {
		return a.oauthFailed(h, err)
	}
	if client.Grant().Flow.Alone() {
		return exit.Errorf(exit.Usage, "%s: no person has logged in, so there is nothing to give back; take the configuration out", arg)
	}
	if st, err := source.Status(); err == nil && !st.LoggedIn {
		fmt.Fprintf(a.Out, "%s: nobody was logged in\n", arg)
		return nil
	}
	revoked := false
	c, _, err := a.findDaemon(ctx, cfg)
	switch {
	case err == nil:
		if revoked, err = c.Logout(ctx, h.control()); err != nil {
			return a.oauthFailed(h, err)
		}
	case !errors.Is(err, control.ErrNoDaemon):
		return exit.With(exit.Temp, err)
	default:
		if err := a.ownState(cfg, "logout "+arg); err != nil {
			return err
		}
		removed := false
		if removed, revoked, err = source.Logout(ctx); !removed {
			return a.oauthFailed(h, err)
		}
	}
	if revoked {
		fmt.Fprintf(a.Out, "%s: logged out; the provider was told\n", arg)
	} else {
		fmt.Fprintf(a.Out, "%s: logged out here; the provider could not be told: take the access back in the account's settings there\n", arg)
	}
	return nil
}

// loginStatus shows how logins are.
func (a *app) loginStatus(args []string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	holders := holdersOf(cfg)
	if len(args) > 0 {
		holders = nil
		for _, arg := range args {
			h, err := holderOf(cfg, arg)
			if err != nil {
				return err
			}
			holders = append(holders, h)
		}
	}
	if len(holders) == 0 {
		fmt.Fprintln(a.Out, "no account logs in by OAuth")
		return nil
	}
	needed := false
	for _, h := range holders {
		source, _, err := a.tokenOf(cfg, h, "")
		if err != nil {
			return a.oauthFailed(h, err)
		}
		st, err := source.Status()
		if err != nil {
			return a.oauthFailed(h, err)
		}
		needed = needed || st.Dead || !st.LoggedIn
		line := fmt.Sprintf("%s (%s): %s", h.name, h.grant, signin.Standing(st, time.Now()))
		if a.OutTerm && a.OutSize != nil {
			if width, _ := a.OutSize(); width > 0 {
				line = screen.Wrap(line, "  ", width)
			}
		}
		fmt.Fprintln(a.Out, line)
		if st.Dead || !st.LoggedIn {
			fmt.Fprintf(a.Out, "  Next step: popsync login %s\n", h.name)
		}
	}
	if needed {
		return exit.With(exit.Login, exit.ErrReported)
	}
	return nil
}
