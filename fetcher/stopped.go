package fetcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// A pass that is told to end (its context's end, for another reason than making room for others) is neither a success nor a
// failure: what was received completely is settled, what the account's last pass was stays what it was, and the next pass
// goes on. See Report.Stopped.

// errStopped is the error of such a pass.
var errStopped = fmt.Errorf("stopped: %w", context.Canceled)

// sendGrace is how long a message may still be on its way to a remote destination after the pass was told to end. What is left
// of it then has to be ended, and that takes time too: a program is first asked to end, a server is told QUIT.
const sendGrace = 2 * time.Second

// orStopped is the error of a pass, or errStopped where it was told to end and that cut something off: what that led to is no
// error of its own. What the pass had found out before, it says.
func (p *closing) orStopped(ctx context.Context, err error) error {
	if ctx.Err() == nil || yields(context.Cause(ctx)) || err == errStopped {
		return err
	}
	if err == nil {
		if p.desk.Settler.CutOff() {
			return errStopped
		}
		return nil
	}
	var secret *pop3.SecretError
	if v := verdict.Of(err); verdict.Final(err) || health.Untried(err) || v.Class != verdict.Temporary && !errors.As(err, &secret) {
		return err
	}
	return errStopped
}

// isStopped tells that a pass ended by errStopped has nothing worse to tell than that.
func (p *closing) isStopped(err error) bool {
	return err == errStopped && p.verdictOf(err).Class == verdict.Temporary
}

// closeStopped writes down what was carried and what was learned. How the account's last pass ended stays as it is, and so
// does what a person asked for.
func (p *closing) closeStopped(ctx context.Context) error {
	p.remember(nil)
	st := p.desk.Status()
	if p.desk.Health.Apart() > 0 {
		p.desk.Rec.Rep.NextTry = p.holdAfter(errStopped, verdict.Verdict{Class: verdict.OK})
		st.Facts, st.NextTry = p.desk.Health.Encode(), health.Ceil(p.desk.Rec.Rep.NextTry)
	}
	return p.desk.Settler.Commit(ctx, uidl.Change{Status: st})
}
