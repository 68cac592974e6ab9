package control

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// A run is answered by a stream of JSON lines. Something comes at least every beatTime, so that a daemon that hangs can
// be told from one that is busy.
const (
	beatTime = 10 * time.Second
	showTime = 200 * time.Millisecond // between two pieces of progress
)

// line is one line of the stream; an empty one says that the daemon is alive.
type line struct {
	Progress *Progress       `json:"progress,omitempty"`
	Report   json.RawMessage `json:"report,omitempty"`
	Done     *reply          `json:"done,omitempty"` // the last line
}

// stream runs passes and tells how they go. A reader that is slow misses progress and holds up nobody.
func stream(w http.ResponseWriter, r *http.Request, h Handler, q request) {
	out := lines{w: w, c: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "application/jsonl")
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()

	news := latest{of: map[string]Progress{}}
	ended := make(chan error, 1)
	go func() {
		var err error
		defer func() {
			if p := recover(); p != nil { // this is not the goroutine that net/http guards
				err = panicked(p)
			}
			ended <- err
		}()
		err = h.Run(ctx, RunRequest{Accounts: q.Accounts, Asked: q.Asked, Named: q.Named}, news.put, news.report)
	}()

	show, beat := time.NewTicker(showTime), time.NewTicker(beatTime)
	defer show.Stop()
	defer beat.Stop()
	out.write(line{}) // the request was understood
	for {
		if out.err != nil {
			cancel() // nobody listens any more
		}
		select {
		case <-show.C:
			out.news(news.take())
		case <-beat.C:
			out.write(line{})
		case err := <-ended:
			out.news(news.take())
			last := reply{}
			if err != nil {
				last = failed(err)
			}
			out.write(line{Done: &last})
			return
		}
	}
}

// lines writes the stream; after an error it writes nothing.
type lines struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	err error
}

func (l *lines) news(all []Progress, reports []json.RawMessage) {
	for _, rep := range reports {
		l.write(line{Report: rep})
	}
	for i := range all {
		l.write(line{Progress: &all[i]})
	}
}

func (l *lines) write(v line) {
	if l.err != nil {
		return
	}
	_ = l.c.SetWriteDeadline(time.Now().Add(writeTime)) // net.Pipe and sockets have deadlines
	if l.err = json.NewEncoder(l.w).Encode(v); l.err == nil {
		l.err = l.c.Flush()
	}
}

// latest keeps the newest progress of each account, and every report, until they are taken, in the order in which they were
// first heard of.
type latest struct {
	mu      sync.Mutex
	of      map[string]Progress
	order   []string
	reports []json.RawMessage
}

func (l *latest) put(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.of[p.Account]; !ok {
		l.order = append(l.order, p.Account)
	}
	l.of[p.Account] = p
}

func (l *latest) report(doc json.RawMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reports = append(l.reports, doc)
}

func (l *latest) take() (all []Progress, reports []json.RawMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range l.order {
		all = append(all, l.of[name])
	}
	reports = l.reports
	l.order, l.reports = nil, nil
	l.of = map[string]Progress{}
	return all, reports
}
