package imap

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// windowOctets is how many octets of messages may have been sent without an answer before another message is begun.
const windowOctets = 1 << 20

// maxVain is how many messages in a row may be refused before no further one is begun.
const maxVain = 2

// flight is a message on its way through a window.
type flight struct {
	t   *task
	tag string
	r   result

	asks  bool // it waits for the server to ask for the literal
	last  bool // its last octets are being written, or were
	whole bool // they were
	torn  bool // it could not be written to its end
	said  bool // the server has said, too early, that it is there
	ended bool // the server has answered
}

// window sends messages over one connection, each behind the one before, and reads the answers meanwhile: so a server that answers before it
// reads on does not wait for us while we wait for it. An answer belongs to the message whose tag it has.
//
// Where literals have to be asked for, the next command goes right behind a message, so that the answer to that one comes together with the
// word to go on.
//
// One goroutine sends; another, which close waits for, reads. Nothing but the window uses the session meanwhile.
type window struct {
	c     *session
	most  int  // messages without an answer; 0: as windowOctets allows
	plus  bool // LITERAL+
	minus bool // LITERAL-
	done  chan struct{}

	mu      sync.Mutex
	changed sync.Cond
	flying  []*flight // that have no answer, in the order in which they were sent
	octets  int64     // of these
	vain    int       // messages refused in a row
	stopped bool      // no further one is begun
	closing bool      // nothing more is written
	wait    time.Duration
	err     error // what broke the reading
	cut     error // what broke the writing
}

// openWindow begins to read. The caller ends it with close.
func openWindow(c *session, most int) *window {
	w := &window{c: c, most: most, wait: c.o.Timeouts.Reply, done: make(chan struct{}),
		plus: c.caps["LITERAL+"], minus: c.caps["LITERAL-"] || c.caps["IMAP4REV2"]}
	w.changed.L = &w.mu
	go w.read()
	return w
}

// room waits until another message may be begun; false: none may any more.
func (w *window) room() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		switch {
		case w.stopped || w.closing || w.err != nil:
			return false
		case len(w.flying) == 0, w.octets < windowOctets && (w.most == 0 || len(w.flying) < w.most):
			return true
		}
		w.changed.Wait()
	}
}

// send sends a message; false: nothing more can be sent.
func (w *window) send(f *flight, date bool) bool {
	c := w.c
	if _, err := f.t.body.Seek(0, io.SeekStart); err != nil {
		f.r.begun, f.r.source = true, err
		return true
	}
	f.tag = c.tag()
	line, dated := f.t.command(c, f.tag, date)
	f.asks = !w.plus && (!w.minus || f.t.octets > 4096)
	f.r.dated, f.r.at = dated, atMessage
	if f.asks {
		f.r.at = atFolder
	}
	if !w.launch(f) {
		return false
	}
	if f.asks {
		if _, err := c.w.write([]byte(line+"}\r\n"), c.o.Timeouts.Reply); err != nil {
			w.broke(err)
			return false
		}
		if wanted, more := w.asked(f); !wanted {
			return more
		}
		line = ""
	} else {
		line += "+}\r\n"
	}
	behind, source, err := c.w.pour(f.t, line, c.o.Timeouts.Block, func(last bool) {
		c.w.deadline(c.w.conn.SetReadDeadline, c.o.Timeouts.Reply) // no answer is late while we are still writing
		if last {
			w.mu.Lock()
			f.last = true
			w.mu.Unlock()
		}
	})
	w.mu.Lock()
	f.whole = source == nil && (err == nil || behind >= f.t.octets)
	f.torn = !f.whole
	w.mu.Unlock()
	switch {
	case source != nil:
		w.abandon(f, source)
	case err != nil:
		w.broke(err)
	}
	return source == nil && err == nil
}

// launch notes that a message is about to be sent.
func (w *window) launch(f *flight) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return false
	}
	f.r.begun = true
	w.flying = append(w.flying, f)
	w.octets += f.t.octets
	w.changed.Broadcast()
	return true
}

// asked waits until the server wants a literal. It may refuse it instead; more tells whether others can be sent all the same.
func (w *window) asked(f *flight) (wanted, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f.asks && !f.ended && w.err == nil {
		w.changed.Wait()
	}
	return !f.asks && !f.ended && w.err == nil, w.err == nil
}

// abandon is for a message that could not be read to its end. The server cannot get past it, but has those before.
func (w *window) abandon(f *flight, source error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.r.source = source
	w.land(slices.Index(w.flying, f))
	w.closing, w.cut = true, source
	if len(w.flying) == 0 {
		w.c.w.interrupt() // no answer comes
	}
	w.changed.Broadcast()
}

// broke is for a connection that takes nothing more: the server may have said why, and answers may be on their way.
func (w *window) broke(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing, w.wait = true, lastWords; w.err == nil {
		w.cut = err // else it is why this came
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.c.w.interrupt()
	} else {
		w.c.w.deadline(w.c.w.conn.SetReadDeadline, lastWords)
	}
	w.changed.Broadcast()
}

// land takes a flight out of those that have no answer. w.mu is held.
func (w *window) land(i int) {
	if i >= 0 {
		w.octets -= w.flying[i].t.octets
		w.flying = slices.Delete(w.flying, i, i+1)
	}
}

// read reads answers as long as there is a message without one.
func (w *window) read() {
	defer close(w.done)
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.flying) == 0 && !w.closing {
			w.changed.Wait()
		}
		if len(w.flying) == 0 || w.err != nil {
			return
		}
		wait := w.wait
		w.mu.Unlock()
		a, err := w.c.receive(appendVerb, "", nil, wait)
		w.mu.Lock()
		if err == nil {
			err = w.answered(&a)
		}
		if err != nil {
			w.err = err
			w.c.w.interrupt() // whoever writes need not wait
		}
		w.changed.Broadcast()
	}
}

// answered enters an answer. An error means that nobody can tell any more which message an answer is about. w.mu is held.
func (w *window) answered(a *response) error {
	if a.tag == "+" {
		if n := len(w.flying); n > 0 && w.flying[n-1].asks {
			f := w.flying[n-1]
			f.asks, f.r.at = false, atMessage
			return nil
		}
		return w.c.fail(appendVerb, errOdd)
	}
	i := slices.IndexFunc(w.flying, func(f *flight) bool { return f.tag == a.tag })
	if i < 0 {
		return w.c.fail(appendVerb, errNoAnswer)
	}
	f := w.flying[i]
	if a.status == "OK" && !f.last {
		f.said = true
		return w.c.fail(appendVerb, errOdd)
	}
	w.c.ended(&f.r, a)
	if f.r.err != nil { // no status that ends a command
		return f.r.err
	}
	f.ended = true
	w.land(i)
	if f.r.refused == nil {
		w.vain = 0
		return nil
	}
	w.vain++
	is := judged(f.r.refused, f.r.at)
	w.stopped = w.stopped || is.whole || is.full || w.vain >= maxVain
	return nil
}

// close waits for the answers that are still to come. Messages without one are in doubt if all of them was sent. A session that cannot be used
// any more is broken.
func (w *window) close() {
	w.mu.Lock()
	w.closing = true
	w.changed.Broadcast()
	w.mu.Unlock()
	<-w.done
	err := w.err
	if w.cut != nil {
		err = w.c.fail(appendVerb, w.cut)
	}
	for _, f := range w.flying {
		f.r.err, f.r.doubt = err, f.whole || f.said
	}
}
