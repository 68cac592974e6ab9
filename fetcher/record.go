package fetcher

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

// record is the report of a pass in the making. Several goroutines write it.
type record struct {
	telling    sync.Mutex // held while Progress is called
	mu         sync.Mutex
	rep        Report
	worst      []verdict.Verdict // of what befell messages and destinations
	notes      []string          // for the report
	deliveries int               // of Report.Failed: attempts at destinations, and not to retrieve a message
	rowless    int               // of Report.Failed: what no row has
	failure    string            // the first of those; printable
	putOff     string            // why a delivery is put off; "": none is
	tell       func(Report)      // whoever watches; nil: nobody
	now        func() time.Time
}

// parkedWhy notes why a message is parked, of the first.
func (p *record) parkedWhy(text string) {
	p.count(func(r *Report) { r.ParkedWhy = cmp.Or(r.ParkedWhy, words.Clip(text)) })
}

// sendAt notes a time at which something may be delivered that is here already. One that has come is the next pass's affair:
// what is due then was tried in this one.
func (p *record) sendAt(t time.Time) {
	if at, ok := health.Ahead(t.Unix(), p.now()); ok && (p.rep.NextSend.IsZero() || at.Before(p.rep.NextSend)) {
		p.rep.NextSend = at
	}
}

// openVerdict is what open deliveries mean, where nothing worse befell the pass.
func (p *record) openVerdict() verdict.Verdict {
	r := &p.rep
	v := verdict.Verdict{Class: verdict.Temporary}
	if r.NewlyParked+r.Parked+r.PutOff > 0 || r.Failed > p.rowless { // else the list has nothing of it
		v.Hint = "see them with: popsync parked " + p.rep.Account
	}
	switch {
	case r.NewlyParked > 0:
		v.Message = fmt.Sprintf("%s newly parked: nothing is lost, and %s tried again later", words.Number(r.NewlyParked, "message"), words.Plural(r.NewlyParked, "it is", "each is"))
	case r.Failed > 0:
		why := ""
		if p.failure != "" { // no list has it
			why = " (" + p.failure + ")"
		}
		v.Message = words.Clip(fmt.Sprintf("%s failed%s: nothing is lost, and %s tried again", words.Number(r.Failed, "message"), why, words.Plural(r.Failed, "it is", "each is")))
	case r.PutOff > 0:
		v.Message = words.Clip(fmt.Sprintf("%s put off %s", words.Number(r.PutOff, "message"), p.putOff))
	default:
		return verdict.Verdict{Class: verdict.OK}
	}
	return v
}

// mention adds what else a person should know, once.
func (p *record) mention(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.notes, text) {
		p.notes = append(p.notes, text)
	}
}

// count changes the report.
func (p *record) count(f func(*Report)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.rep)
}

// reason counts why a message was not dealt with as wished.
func (p *record) reason(text string) { p.reasons(text, 1) }

// fails counts a message for which something failed that its row does not have.
func (p *record) fails(why string) {
	p.reason(why)
	p.count(func(r *Report) { r.Failed++ })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rowless++
	p.failure = cmp.Or(p.failure, words.Clip(why))
}

// reasons is reason for n messages.
func (p *record) reasons(text string, n int) {
	p.count(func(r *Report) {
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

func (p *record) progress() {
	if p.tell == nil {
		return
	}
	p.telling.Lock() // the reader, the settler and lanes of outboxes come here
	defer p.telling.Unlock()
	p.mu.Lock()
	rep := p.rep
	p.mu.Unlock()
	rep.Reasons = nil
	p.tell(rep)
}
