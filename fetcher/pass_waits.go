package fetcher

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// waitFor tells what the account waits for after the error that ended its pass; "": nothing. What befell single
// messages, or one destination of several, is no reason to ask the server less often.
func waitFor(err error) string {
	var (
		refused  *health.RefusedError
		response *pop3.ResponseError
		protocol *pop3.ProtocolError
		flood    *health.FloodError
		first    *firstFetchError
	)
	switch {
	case err == nil, err == ErrYield, errors.Is(err, context.Canceled), errors.Is(err, uidl.ErrBusy), health.Untried(err), errors.As(err, &flood), errors.As(err, &first):
		return ""
	case errors.As(err, &refused):
		return health.WaitRefused
	case verdict.NoTLS(err):
		return health.WaitFault
	case verdict.HungUpAtLogin(err):
		return health.WaitHungUp
	case errors.As(err, &response):
		switch code := verdict.CodeOf(response); {
		case code == "IN-USE":
			return health.WaitInUse
		case code == "LOGIN-DELAY":
			return health.WaitLogins
		case strings.HasPrefix(code, "SYS/PERM"):
			return health.WaitServer
		}
	case errors.As(err, &protocol) && brokenPipelining(err) == 0 && protocol.Num == 0 && !aboutMessages(protocol.Command):
		return health.WaitFault
	}
	return health.WaitBackoff
}

// holdAfter sets how long the account waits after a pass that ended with err, and returns uidl.Status.NextTry.
func (p *closing) holdAfter(err error, v verdict.Verdict) time.Time {
	return p.desk.Health.HoldAfter(waitFor(err), verdict.SaidInWords(err), v)
}

// aboutMessages tells that a command asks for single messages: nonsense in answer to it is charged to the message.
func aboutMessages(verb string) bool { return verb == "RETR" || verb == "TOP" || verb == "DELE" }
