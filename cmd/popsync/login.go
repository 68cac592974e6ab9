package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/guard"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/signin"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
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
code is 77 if one needs a person.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch f := oauth.Flow(flow); {
			case !status && len(args) != 1:
				return exit.Errorf(exit.Usage, "expected is an account, for example: popsync login work")
			case f != "" && f != oauth.FlowLoopback && f != oauth.FlowPaste && f != oauth.FlowDevice:
				return exit.Errorf(exit.Usage, "--flow takes loopback, paste or device, for example: popsync login --flow paste work")
			case f != "" && status:
				return exit.Errorf(exit.Usage, "--flow is for a login, --status is none; say one of them")
			}
			return nil
		},
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if status {
				return a.loginStatus(args)
			}
			return a.login(cmd.Context(), args[0], oauth.Flow(flow))
		},
	}
	c.Flags().StringVar(&flow, "flow", "", "`WAY`: loopback, paste or device (default as configured, else the provider's first)")
	c.Flags().BoolVar(&status, "status", false, "show how logins are, of all accounts or those named; log in to none")
	return c
}

// holderOf is who an argument means.
func holderOf(cfg *config.Config, arg string) (holder, error) {
	account, destination, below := strings.Cut(arg, "/")
	picked, err := pick(cfg, []string{account})
	if err != nil {
		return holder{}, err
	}
	all := holdersOf(cfg)
	if i := slices.IndexFunc(all, func(h holder) bool { return h.name == arg }); i >= 0 {
		return all[i], nil
	}
	if below && !slices.ContainsFunc(picked[0].Deliver, func(d config.Deliver) bool { return d.Name == destination }) {
		return holder{}, exit.Errorf(exit.Usage, "account %s has no destination %s", account, words.Quote(destination))
	}
	for _, h := range all {
		if h.account == account {
			return holder{}, exit.With(exit.Usage, nextstep.With(fmt.Errorf("%s does not log in by OAuth", arg), "popsync login "+h.name))
		}
	}
	return holder{}, exit.With(exit.Usage, nextstep.With(fmt.Errorf("%s does not log in by OAuth, so there is nothing to do", arg),
		`set oauth = "NAME" in its configuration in place of a password, and write [oauth.NAME]: see docs/oauth.md`))
}

// login has a person log in.
func (a *app) login(ctx context.Context, arg string, flow oauth.Flow) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	h, err := holderOf(cfg, arg)
	if err != nil {
		return err
	}
	source, client, err := a.tokenOf(cfg, h, flow)
	if err != nil {
		return a.oauthFailed(h, err)
	}
	if client.Grant().Flow.Alone() {
		return a.provenAlone(ctx, cfg, h, source.Token)
	}
	command := "login " + arg
	if flow != "" {
		command = "login --flow " + string(flow) + " " + arg
	}
	store, err := a.storeOf(ctx, cfg, h, command)
	if err != nil {
		return err
	}
	s := a.personAt()
	if s.In == nil && client.Grant().Flow != oauth.FlowDevice {
		step := "run it on a terminal, for example: ssh -t HOST popsync login " + arg
		if slices.Contains(client.Provider().Flows, oauth.FlowDevice) {
			step += "; or say: popsync login --flow device " + arg
		}
		return exit.With(exit.Usage, nextstep.With(errors.New("there is no terminal: nobody could be asked, or shown where to log in"), step))
	}
	s.Begin(client, h.name, h.username)
	token, err := client.Login(ctx, h.username, s.Prompts(client.Grant().Flow))
	if err != nil {
		return a.oauthFailed(h, err)
	}
	a.clockNote(client)
	fmt.Fprintln(a.Err, "The provider has given a token. Logging in to the mailbox once, to prove it ...")
	proof := verdict.Of(a.prove(ctx, cfg, h, token))
	other := signin.Other(token, h.username)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if proof.Class == verdict.Login && other != "" {
		return exit.With(exit.Login, nextstep.With(fmt.Errorf("%s: it was %s who logged in at the provider, and the mailbox is %s: %s; nothing was stored", h.name, other, words.Clip(h.username), proof.Message),
			"log in again, and choose "+words.Clip(h.username)+" there; a private window of the browser helps: popsync login "+arg))
	}
	if err := store(ctx, token); err != nil {
		return a.oauthFailed(h, err)
	}
	if proof.Class != verdict.OK {
		return exit.With(exit.Of(proof.Class), nextstep.With(fmt.Errorf("%s: the login is stored, but the mailbox was not opened: %s", h.name, proof.Message), proof.Hint))
	}
	who := h.username
	if other != "" {
		who = other + " for " + h.username
	}
	st, err := source.Status()
	if err != nil {
		return a.oauthFailed(h, err)
	}
	fmt.Fprintf(a.Out, "%s: logged in as %s; popsync renews it by itself from now on; %s\n", h.name, words.Clip(who), signin.Ends(st, time.Now()))
	return nil
}

// personAt is where the person is who runs this command.
func (a *app) personAt() signin.Screen {
	s := signin.Screen{Out: a.Err, Guard: a.Undo.Add}
	if terminal.Is(a.In) {
		s.In = a.In
	}
	if a.ErrTerm && a.ErrSize != nil {
		s.Width, _ = a.ErrSize()
	}
	return s
}

// clockNote tells of a clock that is wrong: what it does here shows only later.
func (a *app) clockNote(c *oauth.Client) {
	skew := c.Skew()
	if skew.Abs() < 2*time.Minute {
		return
	}
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	fmt.Fprintln(a.Err, screen.Fill(fmt.Sprintf("This machine's clock is %s %s the provider's. That is no matter for this login, but certificates and times of mail depend on it: set it right.",
		words.Roughly(skew.Abs().Round(time.Minute)), side), 80))
}

// oauthFailed ends a command with an error of OAuth.
func (a *app) oauthFailed(h holder, err error) error {
	e := oauthError(err)
	if e == nil {
		if unknown, ok := errors.AsType[*control.UnknownError](err); ok {
			return exit.With(exit.Config, nextstep.With(unknown, "the daemon has an older configuration; say: popsync reload, and then again: popsync login "+h.name))
		}
		return exit.With(exit.Temp, fmt.Errorf("%s: %w", h.name, err))
	}
	e.Account = h.name
	v := verdict.Of(e)
	return exit.With(exit.Of(v.Class), nextstep.With(fmt.Errorf("%s: %w", h.name, err), v.Hint))
}

// provenAlone is for a login that needs no person.
func (a *app) provenAlone(ctx context.Context, cfg *config.Config, h holder, token func(context.Context, string) (string, error)) error {
	if err := a.ownState(cfg, "login "+h.name); err != nil {
		return err
	}
	if err := guard.MakeState(cfg.StateDir); err != nil {
		return exit.With(exit.Config, err)
	}
	if err := a.logInOnce(ctx, cfg, h, token); err != nil {
		v := verdict.Of(err)
		return exit.With(exit.Of(v.Class), nextstep.With(fmt.Errorf("%s: %s", h.name, v.Message), v.Hint))
	}
	fmt.Fprintf(a.Out, "%s: no person has to log in; the mailbox was opened as %s\n", h.name, words.Clip(h.username))
	return nil
}
