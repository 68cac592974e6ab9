package fetcher

import (
	"fmt"

	"github.com/popsync/popsync/internal/words"
)

// notes are what a person should know of a pass although nothing failed.
func notes(r Report) (out []string) {
	if r.Adopted > 0 {
		out = append(out, fmt.Sprintf("the server gave %s: %s recognised, not fetched again, and nothing is deleted in this pass",
			words.Number(r.Adopted, "known message")+words.Plural(r.Adopted, " a new unique-id", " new unique-ids"), words.Plural(r.Adopted, "it is", "they are")))
	}
	if r.Rebuilt > 0 {
		rest := ""
		if r.Unfetched > 0 {
			rest = fmt.Sprintf("; what is not there any more, or never was, is held back: %d", r.Unfetched)
		}
		out = append(out, fmt.Sprintf("the ledger did not know %d of the listed messages that the Maildir has: %s as "+
			"delivered%s", r.Rebuilt, words.Plural(r.Rebuilt, "it counts", "they count"), rest))
	}
	return out
}
