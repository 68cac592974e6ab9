package reading

import (
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
)

// A baseline can be taken back until a pass fetches something: from then on it is what the account goes on from. Which rows it
// marked stands in the rows: the Generation of what is Seen is the number of its baseline. What it ended (a doubt about the
// ledger, mail that was held back as a flood) stands in the account's facts, and begins again. What a first fetch left out ended nothing,
// and can be taken back later, too.

// endUndo notes, with the first commit that tells of what is about to be fetched, that a baseline stands from now on.
func (r *Reader) endUndo() {
	b := r.desk.Health.Baselined
	if b == nil || b.Fetched != 0 || b.First {
		return
	}
	r.desk.Health.Baselined = &health.Baselined{Mark: b.Mark, At: b.At, Marked: b.Marked, Imported: b.Imported, Fetched: r.desk.Now().Unix()}
	st := r.desk.Status()
	r.desk.Settler.Later(func(c *uidl.Change) { c.Status = st })
}
