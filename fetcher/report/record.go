package report

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
)

// Record is the report of a pass in the making. Several goroutines write it.
type Record struct {
	telling    sync.Mutex // held while Progress is called
	mu         sync.Mutex
	Rep        Report
	worst      []verdict.Verdict // of what befell messages and destinations
	notes      []string          // for the report
	deliveries int               // of Report.Failed: attempts at destinations, and not to retrieve a message
	rowless    int               // of Report.Failed: what no row has
	failure    string            // the first of those; printable
	putOff     string            // why a delivery is put off; "": none is
	Tell       func(Report)      // whoever watches; nil: nobody
	Now        func() time.Time
}

// ParkedWhy notes why a message is parked, of the first.
func (c *Record) ParkedWhy(text string) {
	c.Count(func(r *Report) { r.ParkedWhy = cmp.Or(r.ParkedWhy, words.Clip(text)) })
}

// SendAt notes a time at which something may be delivered that is here already. One that has come is the next pass's affair:
// what is due then was tried in this one.
func (c *Record) SendAt(t time.Time) {
	if at, ok := health.Ahead(t.Unix(), c.Now()); ok && (c.Rep.NextSend.IsZero() || at.Before(c.Rep.NextSend)) {
		c.Rep.NextSend = at
	}
}

// OpenVerdict is what open deliveries mean, where nothing worse befell the pass.
func (c *Record) OpenVerdict() verdict.Verdict {
	r := &c.Rep
	v := verdict.Verdict{Class: verdict.Temporary}
	if r.NewlyParked+r.Parked+r.PutOff > 0 || r.Failed > c.rowless { // else the list has nothing of it
		v.Hint = "see them with: popsync parked " + c.Rep.Account
	}
	switch {
	case r.NewlyParked > 0:
		v.Message = fmt.Sprintf("%s newly parked: nothing is lost, and %s tried again later", words.Number(r.NewlyParked, "message"), words.Plural(r.NewlyParked, "it is", "each is"))
	case r.Failed > 0:
		why := ""
		if c.failure != "" { // no list has it
			why = " (" + c.failure + ")"
		}
		v.Message = words.Clip(fmt.Sprintf("%s failed%s: nothing is lost, and %s tried again", words.Number(r.Failed, "message"), why, words.Plural(r.Failed, "it is", "each is")))
	case r.PutOff > 0:
		v.Message = words.Clip(fmt.Sprintf("%s put off %s", words.Number(r.PutOff, "message"), c.putOff))
	default:
		return verdict.Verdict{Class: verdict.OK}
	}
	return v
}

// Mention adds what else a person should know, once.
func (c *Record) Mention(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.notes, text) {
		c.notes = append(c.notes, text)
	}
}

// Count changes the report.
func (c *Record) Count(f func(*Report)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.Rep)
}

// Reason counts why a message was not dealt with as wished.
func (c *Record) Reason(text string) { c.Reasons(text, 1) }

// Fails counts a message for which something failed that its row does not have.
func (c *Record) Fails(why string) {
	c.Reason(why)
	c.Count(func(r *Report) { r.Failed++ })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rowless++
	c.failure = cmp.Or(c.failure, words.Clip(why))
}

// Reasons is reason for n messages.
func (c *Record) Reasons(text string, n int) {
	c.Count(func(r *Report) {
		if r.Reasons == nil {
			r.Reasons = map[string]int{}
		}
		if text = words.Clip(text); r.Reasons[text] > 0 || len(r.Reasons) < maxReasons {
			r.Reasons[text] += n
		}
	})
}

// maxReasons bounds the report against a server that words each refusal differently.
const maxReasons = 50

// Progress shows the report so far to whoever watches.
func (c *Record) Progress() {
	if c.Tell == nil {
		return
	}
	c.telling.Lock() // the reader, the settler and lanes of outboxes come here
	defer c.telling.Unlock()
	c.mu.Lock()
	rep := c.Rep
	c.mu.Unlock()
	rep.Reasons = nil
	c.Tell(rep)
}

// Befell notes what befell messages or destinations.
func (c *Record) Befell(v verdict.Verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worst = append(c.worst, v)
}

// BefellFirst notes what says more than anything of its class that was noted.
func (c *Record) BefellFirst(v verdict.Verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worst = slices.Insert(c.worst, 0, v)
}

// Worse is v, or what befell the pass if that is worse.
func (c *Record) Worse(v verdict.Verdict) verdict.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.worst {
		if verdict.Worse(w.Class, v.Class) {
			v = w
		}
	}
	return v
}

// OnlyDeliveries tells that nothing failed but attempts at destinations.
func (c *Record) OnlyDeliveries() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.worst) == 0 && c.Rep.Failed == c.deliveries
}

// OnlyMessages tells that nothing failed but messages that have rows.
func (c *Record) OnlyMessages() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.worst) == 0 && c.failure == ""
}

// FailedAt counts an attempt at a destination that failed; newly: it parked a message.
func (c *Record) FailedAt(newly bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Rep.Failed++
	c.deliveries++
	if newly {
		c.Rep.NewlyParked++
	}
}

// IsPutOff notes why a delivery is put off, of the first.
func (c *Record) IsPutOff(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putOff = cmp.Or(c.putOff, why)
}

// WaitsFor tells whoever watches what the pass waits for; "": nothing.
func (c *Record) WaitsFor(what string) {
	c.mu.Lock()
	was := c.Rep.Waiting
	c.Rep.Waiting = what
	c.mu.Unlock()
	if was != what {
		c.Progress()
	}
}

// Sofar is the report as it is now, with its notes.
func (c *Record) Sofar() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	rep := c.Rep
	rep.Notes = append(notes(rep), c.notes...)
	return rep
}

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
