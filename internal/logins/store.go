package logins

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/guard"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/safepath"
)

// storing is how a login gets stored, also one that the mail server refused: by the daemon, or here, where the state is our own. It is
// found out before the person logs in.
func (d *Desk) storing(ctx context.Context, h Holder, command string) (func(ctx context.Context, t oauth.Token, refused bool) error, error) {
	c, _, err := d.Daemon(ctx)
	switch {
	case err == nil:
		return func(ctx context.Context, t oauth.Token, refused bool) error {
			g := h.control()
			g.Token, g.Refused = t.Encode(), refused
			return c.Grant(ctx, g)
		}, nil
	case !errors.Is(err, control.ErrNoDaemon):
		return nil, exit.With(exit.Temp, err)
	}
	if err := d.ownState(command); err != nil {
		return nil, err
	}
	if err := guard.MakeState(d.StateDir); err != nil {
		return nil, exit.With(exit.Config, err)
	}
	source, _, err := h.Source("")
	if err != nil {
		return nil, h.failed(err)
	}
	return func(ctx context.Context, t oauth.Token, refused bool) error { return put(ctx, source, t, refused) }, nil
}

// ownState refuses to touch the tokens of another user, who could not use what is made here, or is not to be spied on. The next step
// is the whole line to type.
func (d *Desk) ownState(command string) error {
	at, uid := guard.OwnerOfPlace(d.StateDir)
	if int(uid) == os.Geteuid() || at != d.StateDir && uid == 0 {
		return nil
	}
	name := "#" + strconv.Itoa(int(uid)) // as sudo takes it
	if u, err := user.LookupId(name[1:]); err == nil {
		name = u.Username
	}
	line := "sudo -u " + safepath.Quote(name) + " popsync "
	if d.ConfigFile != "" {
		line += "--config " + safepath.Quote(d.ConfigFile) + " "
	}
	return exit.With(exit.Config, nextstep.With(fmt.Errorf("no daemon is running that could store it, and %s belongs to %s", at, name), line+command))
}
