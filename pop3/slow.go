package pop3

import (
	"fmt"
	"os"
	"time"
)

// ErrSlow means that each piece came in time and all of them together did not: see Timeouts.Answer. It is inside a *ConnError,
// and is a timeout as well (os.ErrDeadlineExceeded).
var ErrSlow = fmt.Errorf("server sends too slowly: %w", os.ErrDeadlineExceeded)

// replyTime is how much longer a row of TOP or DELE may take for each reply: an honest line is slow to and fro.
const replyTime = 5 * time.Second

// meter bounds how long we wait for a server in all: a trickle would otherwise last for ever, since no single wait is too
// long. What is not waited for the server does not count.
type meter struct {
	left  time.Duration // that may still be waited
	octet time.Duration // more for each octet that comes
}

// meter begins to count: so much is waited, and longer for each octet that comes.
func (w *wire) meter(slack time.Duration) meter {
	return meter{left: slack, octet: time.Second / time.Duration(max(w.rate, 1))}
}

// waited takes in a wait that brought n octets.
func (m *meter) waited(d time.Duration, n int) { m.left += time.Duration(n)*m.octet - d }

// fresh begins an answer of many lines.
func (w *wire) fresh() { w.allow(w.slack) }

// brief begins an answer of few lines, which must not take longer than its silences may.
func (w *wire) brief() { w.allow(min(w.slack, slowFactor*w.idle)) }

func (w *wire) allow(slack time.Duration) {
	w.spent, w.got = 0, 0
	w.answer = w.meter(slack)
}

// patience is until when a read that begins now may wait, and whether that is for slowness in all rather than for one wait.
func (w *wire) patience(start time.Time) (deadline time.Time, slow bool) {
	earlier := func(t time.Time) {
		if t.Before(deadline) {
			deadline, slow = t, true
		}
	}
	if deadline = w.deadline; deadline.IsZero() {
		deadline = start.Add(w.idle)
		earlier(start.Add(slowFactor*w.idle - w.spent))
		if w.slack > 0 {
			earlier(start.Add(w.answer.left))
		}
	}
	if w.phase != nil {
		earlier(start.Add(w.phase.left))
	}
	return deadline, slow
}

// account takes in a wait that brought n octets.
func (w *wire) account(d time.Duration, n int) {
	if w.phase != nil {
		w.phase.waited(d, n)
	}
	if !w.deadline.IsZero() {
		return
	}
	w.answer.waited(d, n)
	w.spent += d
	if w.got += n; w.got >= slowBytes {
		w.spent, w.got = 0, 0
	}
}
