package control

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// maxLine is the longest line of a run's answer, in octets: a report of one account.
const maxLine = 1 << 20

// Run makes the daemon run a pass over each account now. progress is called on this goroutine; nil: nothing is. The reports
// are those that came, also with an error, and when ctx ended before all had come: then the daemon goes on.
// *UnknownError and ErrNoDaemon: nothing was begun. ErrGone: the daemon ended in the midst.
func (c *Client) Run(ctx context.Context, q RunRequest, progress func(Progress)) (reports []json.RawMessage, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silenceTime, func() { cancel(fmt.Errorf("%w: nothing came for %s", ErrGone, silenceTime)) })
	defer silence.Stop()
	res, err := c.do(ctx, http.MethodPost, "run", request{Accounts: q.Accounts, Asked: q.Asked, Named: q.Named})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		silence.Reset(silenceTime)
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return reports, fmt.Errorf("the daemon's answer cannot be understood: %w", err)
		}
		switch {
		case l.Done != nil:
			return reports, l.Done.err()
		case l.Report != nil:
			reports = append(reports, l.Report)
		case l.Progress != nil && progress != nil:
			progress(*l.Progress)
		}
	}
	if err := in.Err(); err != nil {
		return reports, gone(ctx, err)
	}
	return reports, ErrGone
}
