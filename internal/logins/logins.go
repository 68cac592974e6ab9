// Package logins does what a person wants of logins by OAuth: to log in, to log out, to see how such logins are. For the daemon it
// stores and removes what a command hands over, for check and alarms it tells what is wrong and what will end soon.
//
// It reads no configuration: its caller, cmd/popsync, says who logs in and how a token of theirs is tried. What a login gave is stored
// by the daemon, or here if the state is ours; it is never shown. internal/oauth asks the provider, internal/oauth/tokens keeps, and
// internal/oauth/signin has the words. The errors of Desk have their exit codes; the others are facts.
package logins

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/words"
)

// Holder is who logs in by OAuth: an account, or a destination of one.
type Holder struct {
	Account     string
	Destination string // "": it is the account itself
	Username    string
	Grant       string // the name of the grant: NAME of [oauth.NAME]

	// Source gives its token. flow replaces the configured one; "": it does not.
	Source func(flow oauth.Flow) (*tokens.Source, *oauth.Client, error)
	// Prove logs in to the mailbox or the mail server once, with what token gives, and does nothing else there.
	Prove func(ctx context.Context, token func(ctx context.Context, refused string) (string, error)) error
	// Same tells whether an address is that of the mailbox, where the login alone decides which mailbox it is; nil: Username does.
	Same func(email string) bool
}

// Name is ACCOUNT or ACCOUNT/DESTINATION, as a person names it.
func (h Holder) Name() string {
	if h.Destination == "" {
		return h.Account
	}
	return h.Account + "/" + h.Destination
}

// Identity is what decides whether the holder can get tokens: the grant, and when a person logged in last. It reads no secret.
func (h Holder) Identity() string {
	id := "oauth " + h.Grant
	s, c, err := h.Source("")
	if err != nil {
		return id
	}
	id += " " + c.Setting()
	if st, err := s.Status(); err == nil && !st.Login.IsZero() {
		id += " " + st.Login.UTC().String()
	}
	return id
}

// Holders are all of a configuration.
type Holders []Holder

// Desk is where a person logs in and out.
type Desk struct {
	*console.Console
	StateDir   string
	ConfigFile string // as it was named on the command line; "": it was not
	Holders    Holders
	// Destinations names all those of an account, also those that log in in another way. The error says that there is no such account.
	Destinations func(account string) ([]string, error)
	// Daemon finds the running one, and what it says of itself; control.ErrNoDaemon.
	Daemon func(context.Context) (*control.Client, control.Status, error)
}

// holder is who an argument means.
func (d *Desk) holder(arg string) (Holder, error) {
	account, destination, below := strings.Cut(arg, "/")
	destinations, err := d.Destinations(account)
	if err != nil {
		return Holder{}, d.otherwise(arg, err)
	}
	if i := slices.IndexFunc(d.Holders, func(h Holder) bool { return h.Name() == arg }); i >= 0 {
		return d.Holders[i], nil
	}
	if below && !slices.Contains(destinations, destination) {
		step := "say one of these: " + strings.Join(destinations, ", ")
		if len(destinations) == 1 {
			step = "it has this one: " + destinations[0]
		}
		return Holder{}, exit.With(exit.Usage, nextstep.With(fmt.Errorf("account %s has no destination %s", account, words.Quote(destination)), step))
	}
	for _, h := range d.Holders {
		if h.Account == account {
			return Holder{}, exit.With(exit.Usage, nextstep.With(fmt.Errorf("%s does not log in by OAuth", arg), "popsync login "+h.Name()))
		}
	}
	return Holder{}, exit.With(exit.Usage, nextstep.With(fmt.Errorf("%s does not log in by OAuth, so there is nothing to do", arg),
		`set oauth = "NAME" in its configuration in place of a password, and write [oauth.NAME]: see docs/oauth.md`))
}

// otherwise looks what else than an account an argument may name: a grant, or a destination without its account.
func (d *Desk) otherwise(arg string, err error) error {
	var by, below []string
	for _, h := range d.Holders {
		if h.Grant == arg {
			by = append(by, h.Name())
		}
		if h.Destination == arg {
			below = append(below, h.Name())
		}
	}
	all, what := by, "[oauth."+arg+"] is no account; it is used by: "
	if len(by) == 0 {
		all, what = below, "a destination is named with its account: "
	}
	if len(all) == 0 {
		return err
	}
	return exit.With(exit.Usage, nextstep.With(fmt.Errorf("there is no account %s; %s%s", words.Quote(arg), what, words.Few(all)), "popsync login "+all[0]))
}

// failed ends a command with an error of OAuth.
func (h Holder) failed(err error) error {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		if unknown, ok := errors.AsType[*control.UnknownError](err); ok {
			return exit.With(exit.Config, nextstep.With(unknown, "the daemon has an older configuration; say: popsync reload, and then again: popsync login "+h.Name()))
		}
		return exit.With(exit.Temp, fmt.Errorf("%s: %w", h.Name(), err))
	}
	e.Account = h.Name()
	v := verdict.Of(e)
	return exit.With(exit.Of(v.Class), nextstep.With(fmt.Errorf("%s: %w", h.Name(), err), h.byHand(v)))
}

// byHand is the next step after a login that a person began: nobody but that person tries it again.
func (h Holder) byHand(v verdict.Verdict) string {
	mine := "try again later: popsync login " + h.Name()
	return strings.NewReplacer("it is tried again later", mine, "it is tried again by itself", mine, "the next pass tries again", mine).Replace(v.Hint)
}
