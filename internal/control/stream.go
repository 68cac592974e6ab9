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
	type result struct {
		reports []json.RawMessage
		err     error
	}
	ended := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if p := recover(); p != nil { // this is not the goroutine that net/http guards
				res = result{err: panicked(p)}
			}
			ended <- res
		}()
		res.reports, res.err = h.Run(ctx, q.Accounts, q.Asked, news.put)
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
			out.progress(news.take())
		case <-beat.C:
			out.write(line{})
		case res := <-ended:
			out.progress(news.take())
			for _, rep := range res.reports {
				out.write(line{Report: rep})
			}
			last := reply{}
			if res.err != nil {
				last = failed(res.err)
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

func (l *lines) progress(all []Progress) {
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

// latest keeps the newest progress of each account until it is taken, in the order in which they were first heard of.
type latest struct {
	mu    sync.Mutex
	of    map[string]Progress
	order []string
}

func (l *latest) put(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.of[p.Account]; !ok {
		l.order = append(l.order, p.Account)
	}
	l.of[p.Account] = p
}

func (l *latest) take() []Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Progress
	for _, name := range l.order {
		all = append(all, l.of[name])
	}
	l.order = nil
	l.of = map[string]Progress{}
	return all
}
