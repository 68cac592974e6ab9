package fetcher

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
)

// closing judges how a pass went, and writes it down.
type closing struct {
	desk  *desk.Desk
	watch floodState
}

// verdictOf is the verdict of the whole pass: of the error that ended it, else of the worst that befell it.
func (p *closing) verdictOf(err error) verdict.Verdict {
	v := verdict.Of(err)
	if v.Stop {
		return v
	}
	v = p.desk.Rec.Worse(v)
	for _, d := range p.desk.Settler.Places {
		if w := verdict.Of(d.StageFailure()); verdict.Worse(w.Class, v.Class) {
			v = w
		}
		if w := verdict.Of(d.PublishFailure()); verdict.Worse(w.Class, v.Class) {
			if d.Down != nil {
				w = d.Down.Told(w)
			}
			v = w
		}
	}
	if v.Class != verdict.OK {
		return v
	}
	return p.desk.Rec.OpenVerdict()
}

// brokenPipelining tells for how long a server is to be spoken to one command at a time at least, 0 for not at all: it announced
// pipelining, commands were pipelined, and it lost step. One that fell silent may only have lost its network.
func brokenPipelining(err error) time.Duration {
	var pe *verdict.Pipelined
	switch {
	case !errors.As(err, &pe):
		return 0
	case verdict.LostStep(err):
		return health.LeastApart
	case errors.Is(err, os.ErrDeadlineExceeded):
		return health.Silent
	}
	return 0
}

// HintFor puts an account's name into a next step that was worded where the name is not known.
func HintFor(account, hint string) string {
	return strings.ReplaceAll(hint, "--adopt ACCOUNT", "--adopt "+account)
}
