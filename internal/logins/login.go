package logins

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/guard"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/signin"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
)

// Fits refuses arguments and flags of 'popsync login' that do not go together.
func Fits(flow oauth.Flow, status bool, args []string) error {
	switch {
	case !status && len(args) != 1:
		return exit.Errorf(exit.Usage, "expected is an account, for example: popsync login work")
	case flow != "" && flow != oauth.FlowLoopback && flow != oauth.FlowPaste && flow != oauth.FlowDevice:
		return exit.Errorf(exit.Usage, "--flow takes loopback, paste or device, for example: popsync login --flow paste work")
	case flow != "" && status:
		return exit.Errorf(exit.Usage, "--flow is for a login, --status is none; say one of them")
	}
	return nil
}

// Login has a person log in for ACCOUNT or ACCOUNT/DESTINATION, by flow or, if that is "", by the configured one. What was given is
// stored once it opened the mailbox, or failed for another reason than whose login it is.
func (d *Desk) Login(ctx context.Context, arg string, flow oauth.Flow) error {
	h, err := d.holder(arg)
	if err != nil {
		return err
	}
	if _, configured, err := h.Source(""); err == nil && flow != "" && configured.Grant().Flow.Alone() {
		return exit.With(exit.Usage, nextstep.With(fmt.Errorf("no person logs in for %s: [oauth.%s] has flow = %q", h.Name(), h.Grant, configured.Grant().Flow), "popsync login "+h.Name()))
	}
	source, client, err := h.Source(flow)
	if err != nil {
		return h.failed(err)
	}
	if client.Grant().Flow.Alone() {
		return d.alone(ctx, h, source.Token)
	}
	command := "login " + arg
	if flow != "" {
		command = "login --flow " + string(flow) + " " + arg
	}
	store, err := d.storing(ctx, h, command)
	if err != nil {
		return err
	}
	s := d.person()
	if s.In == nil && client.Grant().Flow != oauth.FlowDevice {
		step := "run it on a terminal, for example: ssh -t HOST popsync login " + arg
		if slices.Contains(client.Provider().Flows, oauth.FlowDevice) {
			step += "; or say: popsync login --flow device " + arg
		}
		return exit.With(exit.Usage, nextstep.With(errors.New("there is no terminal: nobody could be asked, or shown where to log in"), step))
	}
	s.Begin(client, h.Name(), h.Username)
	token, err := client.Login(ctx, h.Username, s.Prompts(client.Grant().Flow))
	if err != nil {
		return h.failed(err)
	}
	d.clockNote(client)
	if h.Same != nil && token.Email != "" && !h.Same(token.Email) {
		return exit.With(exit.Login, nextstep.With(fmt.Errorf("%s: it was %s who logged in at the provider, and the mailbox is %s; nothing was stored", h.Name(), words.Clip(token.Email), words.Clip(h.Username)),
			"log in again, and choose "+words.Clip(h.Username)+" there; a private window of the browser helps: popsync login "+arg))
	}
	fmt.Fprintln(d.Err, "The provider has given a token. Logging in to the mailbox once, to prove it ...")
	proof := verdict.Of(h.Prove(ctx, func(context.Context, string) (string, error) { return token.Access.Reveal(), nil }))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	other := signin.Other(token, h.Username)
	if proof.Class == verdict.Login && other != "" {
		return exit.With(exit.Login, nextstep.With(fmt.Errorf("%s: it was %s who logged in at the provider, and the mailbox is %s: %s; nothing was stored", h.Name(), other, words.Clip(h.Username), proof.Message),
			"log in again, and choose "+words.Clip(h.Username)+" there; a private window of the browser helps: popsync login "+arg))
	}
	if err := store(ctx, token, proof.Class == verdict.Login); err != nil {
		return h.failed(err)
	}
	if proof.Class != verdict.OK {
		return exit.With(exit.Of(proof.Class), nextstep.With(fmt.Errorf("%s: the login is stored, but the mailbox was not opened: %s", h.Name(), proof.Message), proof.Hint))
	}
	who := h.Username
	if other != "" {
		who = other + " for " + h.Username
	}
	st, err := source.Status()
	if err != nil {
		return h.failed(err)
	}
	fmt.Fprintf(d.Out, "%s: logged in as %s; popsync renews it by itself from now on; %s\n", h.Name(), words.Clip(who), signin.Ends(st, time.Now()))
	return nil
}

// alone is for a login that needs no person.
func (d *Desk) alone(ctx context.Context, h Holder, token func(context.Context, string) (string, error)) error {
	if err := d.ownState("login " + h.Name()); err != nil {
		return err
	}
	if err := guard.MakeState(d.StateDir); err != nil {
		return exit.With(exit.Config, err)
	}
	if err := h.Prove(ctx, token); err != nil {
		v := verdict.Of(err)
		return exit.With(exit.Of(v.Class), nextstep.With(fmt.Errorf("%s: %s", h.Name(), v.Message), h.byHand(v)))
	}
	fmt.Fprintf(d.Out, "%s: no person has to log in; the mailbox was opened as %s\n", h.Name(), words.Clip(h.Username))
	return nil
}

// person is where the person is who runs this command.
func (d *Desk) person() signin.Screen {
	s := signin.Screen{Out: d.Err, Guard: d.Undo.Add}
	if terminal.Is(d.In) {
		s.In = d.In
	}
	if d.ErrTerm && d.ErrSize != nil {
		s.Width, _ = d.ErrSize()
	}
	return s
}

// clockNote tells of a clock that is wrong: what it does here shows only later.
func (d *Desk) clockNote(c *oauth.Client) {
	skew := c.Skew()
	if skew.Abs() < 2*time.Minute {
		return
	}
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	fmt.Fprintln(d.Err, screen.Fill(fmt.Sprintf("This machine's clock is %s %s the provider's. That is no matter for this login, but certificates and times of mail depend on it: set it right.",
		words.Roughly(skew.Abs().Round(time.Minute)), side), 80))
}
