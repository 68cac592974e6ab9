package probe

import (
	"fmt"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// firstFetch tells what the first run leaves out of a mailbox, as far as the listing tells.
func (acc Server) firstFetch(s *checkup.Sheet, list *pop3.Listing, caps pop3.Capabilities, first fetcher.First) {
	switch n := max(0, list.Len()-first.Last); {
	case first.Age > 0 && caps.Known && !caps.Top && list.Len() > 0:
		s.Fail(checkup.PartMail, verdict.Config, "first_fetch goes by the dates of messages, and the server does not show their headers (it does not announce TOP)",
			`set first_fetch = "new", "last 100" or "all" for this account`)
	case first.Age > 0:
		s.Info(checkup.PartMail, "the first run leaves out what is older than first_fetch says: to see it say popsync run --dry-run")
	case n > 0:
		s.Info(checkup.PartMail, fmt.Sprintf("the first run leaves %s out, as first_fetch says, and fetches %d",
			words.Number(n, "message"), list.Len()-n))
	}
}
