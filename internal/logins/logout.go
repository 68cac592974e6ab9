package logins

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
)

// Logout has the provider forget the login of ACCOUNT or ACCOUNT/DESTINATION, where it takes that, and removes it here or has the
// daemon do so.
func (d *Desk) Logout(ctx context.Context, arg string) error {
	h, err := d.holder(arg)
	if err != nil {
		return err
	}
	source, client, err := h.Source("")
	if err != nil {
		return h.failed(err)
	}
	if client.Grant().Flow.Alone() {
		return exit.Errorf(exit.Usage, "%s: no person has logged in, so there is nothing to give back; take the configuration out", arg)
	}
	if st, err := source.Status(); err == nil && !st.LoggedIn {
		fmt.Fprintf(d.Out, "%s: nobody was logged in\n", arg)
		return nil
	}
	revoked := false
	c, _, err := d.Daemon(ctx)
	switch {
	case err == nil:
		if revoked, err = c.Logout(ctx, h.control()); err != nil {
			return h.failed(err)
		}
	case !errors.Is(err, control.ErrNoDaemon):
		return exit.With(exit.Temp, err)
	default:
		if err := d.ownState("logout " + arg); err != nil {
			return err
		}
		removed := false
		if removed, revoked, err = source.Logout(ctx); !removed {
			return h.failed(err)
		}
	}
	if revoked {
		fmt.Fprintf(d.Out, "%s: logged out; the provider was told\n", arg)
	} else {
		fmt.Fprintf(d.Out, "%s: logged out here; the provider could not be told: take the access back in the account's settings there\n", arg)
	}
	return nil
}
