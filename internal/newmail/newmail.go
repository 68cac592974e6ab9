// Package newmail runs a program of the user's after a pass that brought mail: once for all of it, and only once the ledger has it.
//
// The program is run as the one of an alarm is (internal/notify): directly, with a clean environment, for 30 seconds at most. A run that a
// kill or the end of popsync takes away is not made up for. It gets no mail and no secret.
package newmail

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/program"
)

// Command gives what runs a program after a pass over an account; nil without one. path is where the account's mail lies on this machine;
// "": nowhere. In the arguments, but not in the path, {account} and {new} are replaced. The environment is that of program.Environ, and
//
//	POPSYNC_ACCOUNT  name of the account
//	POPSYNC_NEW      messages that every destination of the account has by now, and did not have before this pass
//	POPSYNC_SIZE     their octets, as received
//	POPSYNC_SETTLED  deliveries: a message counts at each destination that took it
//	POPSYNC_PATH     path
func Command(args []string, account, path string) (func(context.Context, fetcher.Report) error, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if _, err := notify.NewCommand(args); err != nil {
		return nil, fmt.Errorf("new_mail_command: %w", err)
	}
	return func(ctx context.Context, rep fetcher.Report) error {
		n := strconv.Itoa(rep.New)
		fill := strings.NewReplacer("{account}", account, "{new}", n)
		filled := []string{args[0]}
		for _, a := range args[1:] {
			filled = append(filled, fill.Replace(a))
		}
		command, err := notify.NewCommand(filled)
		if err != nil {
			return err
		}
		return command.Run(ctx, append(program.Environ(),
			"POPSYNC_ACCOUNT="+account,
			"POPSYNC_NEW="+n,
			"POPSYNC_SIZE="+strconv.FormatInt(rep.Bytes, 10),
			"POPSYNC_SETTLED="+strconv.Itoa(rep.Settled),
			"POPSYNC_PATH="+path,
		), "")
	}, nil
}
